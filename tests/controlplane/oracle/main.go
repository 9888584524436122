// Command oracle tells what kube-scheduler's default profile says: which nodes take which pods, and which it likes best.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

const usage = `usage:
  oracle fit [-why]   a List of objects on each line of stdin; for each, {"namespace/pod":["node",...]} on stdout,
                      or with -why {"namespace/pod":{"node":"Plugin: reason",...}} for the nodes that refuse
  oracle score        the same input; {"namespace/pod":{"node":{"Plugin":score times weight}}} of the nodes that take it
  oracle bench FILE   time the filters of every pod on every node of one List, on one thread
  oracle quantities   a quantity on each line of stdin; for each, {"ok":...,"value":...,"milli":...} on stdout
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	// Plugins log what they find wrong with objects; here that is an answer, not news.
	klog.SetLogger(klog.Logger{})
	// Plugins count what they do and crash without their counters.
	metrics.Register()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	switch {
	case len(args) == 1 && args[0] == "fit":
		return fit(ctx, os.Stdin, os.Stdout, runtime.GOMAXPROCS(0), passing)
	case len(args) == 2 && args[0] == "fit" && args[1] == "-why":
		return fit(ctx, os.Stdin, os.Stdout, runtime.GOMAXPROCS(0), refusing)
	case len(args) == 1 && args[0] == "score":
		return fit(ctx, os.Stdin, os.Stdout, runtime.GOMAXPROCS(0), scoring)
	case len(args) == 2 && args[0] == "bench":
		return bench(ctx, args[1], os.Stdout)
	case len(args) == 1 && args[0] == "quantities":
		return quantities(os.Stdin, os.Stdout)
	}
	fmt.Fprint(os.Stderr, usage)
	os.Exit(2)
	return nil
}
