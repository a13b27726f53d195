// What guests run in the boot tests.

/**
 * Makes all CPUs work, wait for each other, sleep and go away and come back; then says `all done`.
 * Each step prints what must have come out of it.
 */
export const STRESS = `#!/bin/busybox sh
loop() { i=0; while [ $i -lt $1 ]; do i=$((i+1)); done; echo $i > /tmp/loop.$2; }
cpus=$(nproc)
echo "cpus $cpus"

# Processes on every CPU at once, twice as many as there are.
for k in $(seq 1 $((cpus*2))); do loop 3000 $k & done
wait
echo "loops $(cat /tmp/loop.* | sort -u)"

# Pipes: each line wakes the process behind, often on another CPU.
echo "sum $(seq 1 1000 | while read x; do echo $x; done | awk '{s+=$1} END {print s}')"

# Every CPU by itself: interrupts between CPUs move the process.
last=$((cpus-1))
for round in 1 2 3; do for c in $(seq 0 $last); do taskset -p $(printf %x $((1<<c))) $$ > /dev/null; done; done
taskset -p $(printf %x $(((1<<cpus)-1))) $$ > /dev/null
echo "moved"

# Timers of many sleepers.
for k in $(seq 1 20); do sleep 0.0$((k%9+1)) & done
wait
before=$(cut -d. -f1 /proc/uptime)
sleep 2
after=$(cut -d. -f1 /proc/uptime)
[ $((after-before)) -ge 2 ] && [ $((after-before)) -le 3 ] && echo "slept"

# CPUs go and come back while others work.
for round in 1 2 3; do
  for c in $(seq 1 $last); do
    loop 500 $c &
    echo 0 > /sys/devices/system/cpu/cpu$c/online
    [ $(cat /sys/devices/system/cpu/cpu$c/online) = 0 ] || echo "cpu$c stayed"
  done
  echo "online $(cat /sys/devices/system/cpu/online)"
  for c in $(seq 1 $last); do echo 1 > /sys/devices/system/cpu/cpu$c/online; done
  wait
done
echo "online $(cat /sys/devices/system/cpu/online)"
for c in $(seq 0 $last); do taskset $(printf %x $((1<<c))) /bin/busybox echo "cpu $c works"; done
dmesg | grep -iE 'rcu.*stall|BUG|WARNING|Oops|hung|soft lockup|unexpected' && echo "the kernel complains"
echo "all done"
`;
