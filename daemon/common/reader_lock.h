/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock of a program of erad that has opened a device with O_EXCL, and only reads it.  An open of
 * the volume is refused meanwhile, because the device is in use.  The lock tells erad that this
 * user writes nothing past the volume.
 *
 * The program takes the lock after it has opened the device with O_EXCL, and releases it before it
 * closes the device.  As long as the program holds the device, the kernel refuses each other program
 * that opens the device with O_EXCL.  So while the lock is held, no other program has the device
 * open with O_EXCL.
 *
 * The lock is one of fcntl(F_SETLK), which belongs to the process.  When the process is killed, the
 * kernel releases the lock at once, and closes the device after that.  A child process does not
 * hold the lock.
 */
#ifndef ERAD_READER_LOCK_H
#define ERAD_READER_LOCK_H

#include <sys/types.h>

/*
 * Takes the lock.  The device is open with O_EXCL, for reading.  Returns a file descriptor, which the
 * caller closes before it closes the device, or -1 without the lock, for example if the caller may
 * not write to /run/erad.  Without the lock, erad treats the caller as a user that may write.
 */
int reader_lock_take(dev_t dev);

/*
 * Returns the process that holds the lock, or 0 if no process other than the caller holds the lock.
 * If the same process holds the lock before and after an open with O_EXCL that has failed with
 * EBUSY, this process is the reason.  A process that holds the lock must not call this function,
 * because the call would release the lock.
 */
pid_t reader_lock_owner(dev_t dev);

#endif /* ERAD_READER_LOCK_H */
