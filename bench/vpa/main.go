// Asks VPA's own recommender what it would request, day by day, of use on stdin, and writes that to stdout.
//
// Input, one line each, in the order of time: "vm NAME" starts a VM; "s UNIX CORES BYTES" is a sample; "r UNIX" asks for
// the target of that moment, which is held from then on. With -oom a sample of memory above what is held is told as a
// kill, as the recommender's observer would. Output: "NAME UNIX CORES BYTES" for each question that has an answer.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"time"

	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/logic"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/model"
)

// The defaults of the recommender's flags.
var config = logic.RecommendationConfig{
	SafetyMarginFraction:       0.15,
	PodMinCPUMillicores:        25,
	PodMinMemoryMb:             250,
	TargetCPUPercentile:        0.9,
	LowerBoundCPUPercentile:    0.5,
	UpperBoundCPUPercentile:    0.95,
	ConfidenceIntervalCPU:      24 * time.Hour,
	TargetMemoryPercentile:     0.9,
	LowerBoundMemoryPercentile: 0.5,
	UpperBoundMemoryPercentile: 0.95,
	ConfidenceIntervalMemory:   24 * time.Hour,
}

func main() {
	tellKills := flag.Bool("oom", false, "tell memory above what is held as a kill")
	flag.Parse()
	recommender := logic.CreatePodResourceRecommender(config)
	in := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	var (
		name      string
		aggregate *model.AggregateContainerState
		container *model.ContainerState
		held      model.Resources
		isAbove   bool
	)
	for in.Scan() {
		line := in.Text()
		switch line[0] {
		case 'v':
			name = line[3:]
			aggregate = model.NewAggregateContainerState()
			resources := []model.ResourceName{model.ResourceCPU, model.ResourceMemory}
			aggregate.ControlledResources = &resources
			container = model.NewContainerState(nil, aggregate)
			held, isAbove = nil, false
		case 's':
			var unix int64
			var cores, bytes float64
			if _, err := fmt.Sscanf(line, "s %d %g %g", &unix, &cores, &bytes); err != nil {
				fail(line, err)
			}
			at := time.Unix(unix, 0)
			container.AddSample(&model.ContainerUsageSample{MeasureStart: at, Usage: model.CPUAmountFromCores(cores), Resource: model.ResourceCPU})
			container.AddSample(&model.ContainerUsageSample{MeasureStart: at, Usage: model.MemoryAmountFromBytes(bytes), Resource: model.ResourceMemory})
			if held != nil {
				above := model.MemoryAmountFromBytes(bytes) > held[model.ResourceMemory]
				if above && !isAbove && *tellKills {
					if err := container.RecordOOM(at, held[model.ResourceMemory]); err != nil {
						fail(line, err)
					}
				}
				isAbove = above
			}
		case 'r':
			var unix int64
			if _, err := fmt.Sscanf(line, "r %d", &unix); err != nil {
				fail(line, err)
			}
			if aggregate.TotalSamplesCount == 0 {
				continue
			}
			target := recommender.GetRecommendedPodResources(model.ContainerNameToAggregateStateMap{"main": aggregate})["main"].Target
			held = target
			fmt.Fprintf(out, "%s %d %g %g\n", name, unix, model.CoresFromCPUAmount(target[model.ResourceCPU]), model.BytesFromMemoryAmount(target[model.ResourceMemory]))
		}
	}
	if err := in.Err(); err != nil {
		fail("stdin", err)
	}
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(1)
}
