package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

type benchResult struct {
	Pods    int     `json:"pods"`
	Nodes   int     `json:"nodes"`
	Pairs   int     `json:"pairs"`
	Passing int     `json:"passing"`
	Seconds float64 `json:"seconds"`
}

// bench times the plugins alone, on one thread: parsing, loading and taking pods out of the snapshot are not counted.
func bench(ctx context.Context, file string, out io.Writer) error {
	runtime.GOMAXPROCS(1)
	dump, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	c, err := parseCluster(dump)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	s, err := newScheduler(ctx)
	if err != nil {
		return err
	}
	if err := s.load(c); err != nil {
		return err
	}
	result := benchResult{Pods: len(c.pods), Nodes: len(c.nodes), Pairs: len(c.pods) * len(c.nodes)}
	// What parsing left behind is not for the plugins to pay for.
	runtime.GC()
	var timed time.Duration
	for _, pod := range c.pods {
		putBack := s.snapshot.takeOut(pod)
		candidate := pending(pod)
		start := time.Now()
		verdicts := s.verdicts(candidate)
		timed += time.Since(start)
		putBack()
		for _, verdict := range verdicts {
			if verdict.IsSuccess() {
				result.Passing++
			}
		}
	}
	result.Seconds = timed.Seconds()
	return json.NewEncoder(out).Encode(result)
}
