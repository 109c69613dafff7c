// Package pipeline does the shards of an embedding job by Apache Beam: in this process, or on a cluster
// of Flink, Spark or Dataflow workers.
package pipeline

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx" // the runners
	"github.com/energo-ml/energo/search/bulk"
	"github.com/energo-ml/energo/search/encode"
)

func init() {
	register.DoFn2x1[context.Context, int, error](&doShard{})
	register.DoFn2x1[[]byte, func(int), error](&listShards{})
	register.Emitter1[int]()
}

// Worker turns the process into a worker of a job that another process began, if it was started as
// one, and does not return then. It must be called before anything else.
func Worker(args []string) {
	if !slices.Contains(args, "--worker=true") && !slices.Contains(args, "--worker") {
		return
	}
	// Beam's boot program writes the flags as Beam declares them.
	_ = flag.CommandLine.Parse(args) // ends the process where it cannot
	beam.Init()
}

// Runners are the names that Run takes.
var Runners = []string{"prism", "flink", "spark", "dataflow", "universal"}

// Run does the missing shards of the plan in a folder. The folder, the run and the pictures must be seen under
// the same paths by all workers. Beam's own flags say where a runner is.
func Run(ctx context.Context, runner, dir string) error {
	plan, err := bulk.OpenPlan(dir)
	if err != nil {
		return err
	}
	missing, err := plan.Missing()
	if err != nil || len(missing) == 0 {
		return err
	}
	beamlog.LogLevel = "error" // what else there is to say comes as an error
	beamlog.SetupLoggingWithDefault()
	beamlog.SetLogger(&beamlog.Standard{Level: beamlog.SevError})
	if *jobopts.WorkerBinary == "" && runtime.GOOS == "linux" { // what clusters run on
		if *jobopts.WorkerBinary, err = os.Executable(); err != nil {
			return err
		}
	}
	beam.Init()
	p, s := beam.NewPipelineWithRoot()
	shards := beam.ParDo(s, &listShards{Dir: []byte(dir)}, beam.Impulse(s))
	beam.ParDo0(s, &doShard{Dir: []byte(dir)}, beam.Reshuffle(s, shards))
	if _, err := beam.Run(ctx, runner, p); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: %w", runner, err)
	}
	return nil
}

// listShards emits the missing shards.
type listShards struct {
	Dir []byte // JSON's texts would be UTF-8
}

// ProcessElement is called once.
func (f *listShards) ProcessElement(_ []byte, emit func(int)) error {
	plan, err := bulk.OpenPlan(string(f.Dir))
	if err != nil {
		return err
	}
	missing, err := plan.Missing()
	for _, s := range missing {
		emit(s)
	}
	return err
}

// doShard does a shard.
type doShard struct {
	Dir []byte

	plan    *bulk.Plan
	encoder encode.Encoder
}

// encoders are those that the process has loaded, by the folders of their runs.
var encoders struct {
	sync.Mutex
	of map[string]encode.Encoder
}

func loadEncoder(run string) (encode.Encoder, error) {
	encoders.Lock()
	defer encoders.Unlock()
	if e, ok := encoders.of[run]; ok {
		return e, nil
	}
	e, err := encode.OpenAny(run)
	if err != nil {
		return nil, err
	}
	if encoders.of == nil {
		encoders.of = map[string]encode.Encoder{}
	}
	encoders.of[run] = e
	return e, nil
}

// Setup is called once for each worker.
func (f *doShard) Setup() (err error) {
	if f.plan, err = bulk.OpenPlan(string(f.Dir)); err != nil {
		return err
	}
	f.encoder, err = loadEncoder(f.plan.Run)
	return err
}

// ProcessElement is called for each shard.
func (f *doShard) ProcessElement(ctx context.Context, shard int) error {
	return f.plan.Do(ctx, f.encoder, shard)
}
