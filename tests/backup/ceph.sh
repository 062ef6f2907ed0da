# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A Ceph cluster on loopback: one monitor, and one object store in memory. The cluster needs no
# manager and no keys.

# ceph_start DIR: starts a cluster with the pool rbd.  Its files are in DIR.  Exports CEPH_CONF for
# rbd and ceph.
ceph_start()
{
	local dir=$1 fsid osd port=$((20000 + RANDOM % 20000))

	fsid=$(cat /proc/sys/kernel/random/uuid)
	osd=$(cat /proc/sys/kernel/random/uuid)
	mkdir -p "$dir"/{mon,osd,run}
	cat > "$dir/ceph.conf" <<- END
		[global]
		fsid = $fsid
		auth cluster required = none
		auth service required = none
		auth client required = none
		mon host = v2:127.0.0.1:$port/0
		mon initial members = a
		mon data = $dir/mon
		mon allow pool size one = true
		mon pg warn min per osd = 0
		osd data = $dir/osd
		osd objectstore = memstore
		memstore device bytes = 2147483648
		osd pool default size = 1
		osd crush chooseleaf type = 0
		public addr = 127.0.0.1
		cluster addr = 127.0.0.1
		run dir = $dir/run
		pid file = $dir/run/\$name.pid
		log file = $dir/run/\$name.log
		admin socket = $dir/run/\$name.\$pid.asok
		setuser match path = $dir
	END
	export CEPH_CONF=$dir/ceph.conf CEPH_ARGS=
	{
		monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$port]" "$dir/monmap"
		ceph-mon --mkfs -i a --monmap "$dir/monmap"
		ceph-mon -i a
		timeout 60 ceph osd new "$osd" 0
		ceph-osd -i 0 --mkfs --osd-uuid "$osd"
		ceph-osd -i 0
		timeout 60 ceph osd pool create rbd 8 8 replicated
		timeout 60 rbd pool init rbd
	} > "$dir/log" 2>&1
}

# ceph_stop DIR: stops the cluster.
ceph_stop()
{
	local file pid

	for file in "$1"/run/osd.0.pid "$1"/run/mon.a.pid; do
		[[ -s $file ]] || continue
		pid=$(< "$file")
		kill "$pid" 2> /dev/null || continue
		for _ in {1..100}; do
			kill -0 "$pid" 2> /dev/null || continue 2
			sleep 0.1
		done
		kill -KILL "$pid"
	done
}
