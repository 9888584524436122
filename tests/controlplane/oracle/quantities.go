package main

import (
	"bufio"
	"encoding/json"
	"io"

	"k8s.io/apimachinery/pkg/api/resource"
)

type quantity struct {
	OK    bool  `json:"ok"`
	Value int64 `json:"value"`
	Milli int64 `json:"milli"`
}

// quantities parses one quantity a line, the line's end excepted exactly as it stands.
func quantities(in io.Reader, out io.Writer) error {
	encoder := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var answer quantity
		if q, err := resource.ParseQuantity(lines.Text()); err == nil {
			answer = quantity{OK: true, Value: q.Value(), Milli: q.MilliValue()}
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}
