package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// answerOf says what is printed for one pod, which has been made pending.
type answerOf func(s *scheduler, pod *corev1.Pod) any

// passing names the nodes that take the pod.
func passing(s *scheduler, pod *corev1.Pod) any {
	names := []string{}
	for n, verdict := range s.verdicts(pod) {
		if verdict.IsSuccess() {
			names = append(names, s.snapshot.nodes[n].Node().Name)
		}
	}
	sort.Strings(names)
	return names
}

// refusing gives the reason of each node that does not.
func refusing(s *scheduler, pod *corev1.Pod) any {
	reasons := map[string]string{}
	for n, verdict := range s.verdicts(pod) {
		if !verdict.IsSuccess() {
			reasons[s.snapshot.nodes[n].Node().Name] = fmt.Sprintf("%s: %s (%s)", verdict.Plugin(), strings.Join(verdict.Reasons(), ", "), verdict.Code())
		}
	}
	return reasons
}

// fit answers each line of in, a cluster, with a line of out. Every worker has a scheduler of its own.
func fit(ctx context.Context, in io.Reader, out io.Writer, workers int, answer answerOf) error {
	type job struct {
		line   []byte
		result chan []byte
		err    error
	}
	jobs := make(chan *job)
	for range workers {
		s, err := newScheduler(ctx)
		if err != nil {
			return err
		}
		go func() {
			for j := range jobs {
				var text []byte
				text, j.err = s.fitLine(j.line, answer)
				j.result <- text
			}
		}()
	}

	// The queue keeps the order of the lines and bounds how far reading runs ahead of printing.
	ordered := make(chan *job, 4*workers)
	readErr := make(chan error, 1)
	go func() {
		defer close(jobs)
		defer close(ordered)
		lines := bufio.NewReaderSize(in, 1<<20)
		for {
			line, err := lines.ReadBytes('\n')
			if len(strings.TrimSpace(string(line))) > 0 {
				j := &job{line: line, result: make(chan []byte, 1)}
				ordered <- j
				jobs <- j
			}
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				readErr <- err
				return
			}
		}
	}()

	printer := bufio.NewWriter(out)
	number := 0
	for j := range ordered {
		number++
		text := <-j.result
		if j.err != nil {
			return fmt.Errorf("line %d: %w", number, j.err)
		}
		printer.Write(text)
		printer.WriteByte('\n')
		// Somebody who sends one line and waits for its answer must get it.
		if len(ordered) == 0 {
			if err := printer.Flush(); err != nil {
				return err
			}
		}
	}
	if err := printer.Flush(); err != nil {
		return err
	}
	return <-readErr
}

func (s *scheduler) fitLine(line []byte, answer answerOf) ([]byte, error) {
	c, err := parseCluster(line)
	if err != nil {
		return nil, err
	}
	if err := s.load(c); err != nil {
		return nil, err
	}
	answers := map[string]any{}
	for _, pod := range c.pods {
		putBack := s.snapshot.takeOut(pod)
		answers[pod.Namespace+"/"+pod.Name] = answer(s, pending(pod))
		putBack()
	}
	return json.Marshal(answers)
}
