// Package embedcli is the command energo embed.
package embedcli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/energo-ml/energo/cmd/energo-embed/internal/pipeline"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/bulk"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/remote"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes, as energo exit-codes lists them.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// usageError is an error in what was typed.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Main runs a command line and returns its exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	go func() { // a second signal ends the program at once; energo passes on what a terminal has sent already
		<-ctx.Done()
		time.Sleep(time.Second)
		stop()
	}()
	cmd := newEmbed()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "energo: interrupted; the same command continues where this one stopped")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "energo: %v\n", err)
	if usage := (usageError{}); errors.As(err, &usage) {
		fmt.Fprintln(stderr, "See energo embed --help.")
		return exitUsage
	}
	return exitFailure
}

// embedding is one job.
type embedding struct {
	run, collection string
	name            string
	out, index      string
	rows            int
	work            string
	shard           int
	runner          string
	strict          bool
	json, quiet     bool
	keep            bool
}

// result is what --json prints.
type result struct {
	Embedded int            `json:"embedded"`
	Skipped  []bulk.Skipped `json:"skipped"`
	LeftOut  data.LeftOuts  `json:"left_out"` // files that are no pictures
	Dim      int            `json:"dim"`
	Encoder  string         `json:"encoder"`
	Files    []string       `json:"files,omitempty"`
	Index    string         `json:"index,omitempty"`
	Seconds  float64        `json:"seconds"`
}

// shownFlags are those of Beam's flags that the help shows.
var shownFlags = []string{"endpoint", "environment_type", "environment_config", "parallelism", "worker_binary", "project", "region", "staging_location", "job_name"}

func newEmbed() *cobra.Command {
	e := &embedding{}
	cmd := &cobra.Command{
		Use: "embed RUN COLLECTION", Short: "Turn a large collection of pictures into vectors",
		Long: `Encodes the pictures of a folder, labelled by its subfolders, or of a CSV file path,label, with the network of a
finished run of train search or train siamese, or with an ONNX model. The vectors are written in the collection's order to a file, with
--out, or added to an index, with --index; they are the same whoever computes them.

The collection is divided into shards, which Apache Beam hands to workers: those of this process, unless --runner names
a cluster. A cluster's workers must see RUN, COLLECTION and the folder --work under the same paths. What is done is
kept in --work until the end, so that the same command continues after a stop.

Pictures that cannot be read are listed and left out; other files are counted by suffix and reason. Beam's flags are taken as Beam names them; the
most important ones are listed below.`,
		Example: `  energo embed runs/search-1 photos --out photos.safetensors
  energo embed runs/search-1 photos --index weaviate://db1:8080,db2:8080/Photos?replicas=2
  energo embed runs/search-1 /nfs/photos --out /nfs/photos.npy --work /nfs/job1 --runner flink --endpoint flink:8099`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("energo embed: the arguments must be a run and a collection; there are %d", len(args))
			}
			e.run, e.collection = args[0], args[1]
			return e.check()
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.do(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), "{{.UseLine}}", "energo {{.UseLine}}"))
	e.add(cmd.Flags())
	return cmd
}

func (e *embedding) add(f *pflag.FlagSet) {
	f.StringVar(&e.out, "out", "", "`file` of vectors, .safetensors or .npy; the identifiers come beside it, in .ids.csv")
	f.IntVar(&e.rows, "rows", 0, "most vectors in a file, of which there are then several; 0 writes one file")
	f.StringVar(&e.index, "index", "", "`index` that takes the vectors: a folder, weaviate://HOST:PORT/Class or postgres://USER@HOST/DATABASE?table=NAME; it is made if it is not there")
	f.StringVar(&e.name, "name", "", "what identifiers begin with (default the collection's own name)")
	f.StringVar(&e.work, "work", "", "`folder` of the job while it runs (default the name of --out, or of the collection, and .embedding)")
	f.BoolVar(&e.keep, "keep", false, "leave the job's folder at the end")
	f.IntVar(&e.shard, "shard", 4096, "pictures of a shard, which one worker does")
	f.StringVar(&e.runner, "runner", "prism", "who does the work: "+strings.Join(pipeline.Runners, ", "))
	f.BoolVar(&e.strict, "strict", false, "a picture that cannot be read is an error")
	f.BoolVar(&e.json, "json", false, "print the result as one JSON object")
	f.BoolVar(&e.quiet, "quiet", false, "no progress")
	flag.VisitAll(func(g *flag.Flag) {
		if f.Lookup(g.Name) != nil || strings.Contains(g.Name, ".") {
			return
		}
		p := pflag.PFlagFromGoFlag(g)
		p.Shorthand, p.Hidden = "", !slices.Contains(shownFlags, g.Name)
		f.AddFlag(p)
	})
}

// check refuses flags that do not fit together.
func (e *embedding) check() error {
	switch {
	case e.out == "" && e.index == "":
		return usagef("say with --out or --index where the vectors are to go")
	case e.rows < 0:
		return usagef("--rows is %d; it must be at least 0", e.rows)
	case e.rows > 0 && e.out == "":
		return usagef("--rows is for the files of --out")
	case e.shard < 1:
		return usagef("--shard is %d; it must be at least 1", e.shard)
	case !slices.Contains(pipeline.Runners, e.runner):
		return usagef("--runner is %q; it must be one of %s", e.runner, strings.Join(pipeline.Runners, ", "))
	}
	if e.out != "" {
		if err := bulk.CheckOut(e.out); err != nil {
			return usageError{err}
		}
	}
	return nil
}

// do does the job.
func (e *embedding) do(ctx context.Context, stdout, stderr io.Writer) error {
	begin := time.Now()
	pictures, left, err := bulk.List(e.collection, e.name)
	if err != nil {
		return err
	}
	work := cmp.Or(e.work, strings.TrimRight(cmp.Or(e.out, e.collection), "/")+".embedding")
	encoder, err := encode.OpenAny(e.run)
	if err != nil {
		return err
	}
	if err := e.checkNames(pictures); err != nil {
		return err
	}
	plan, err := bulk.NewPlan(ctx, work, e.run, encoder, pictures, e.shard)
	if err != nil {
		return err
	}
	defer plan.Close()
	if err := e.shards(ctx, plan, stderr); err != nil {
		return err
	}
	skipped, n, err := plan.Skipped()
	if err != nil {
		return err
	}
	if !e.quiet {
		for _, line := range left.Lines() {
			fmt.Fprintf(stderr, "left out: %s\n", line)
		}
		for _, s := range skipped {
			fmt.Fprintf(stderr, "skipped: %s: %s\n", s.Picture, s.Error)
		}
	}
	if e.strict && len(skipped) > 0 {
		if err := plan.Forget(); err != nil {
			return err
		}
		return fmt.Errorf("%d of %d pictures cannot be read, of which %s is the first: %s", len(skipped), len(pictures), skipped[0].Picture, skipped[0].Error)
	}
	r := result{Embedded: n, Skipped: append([]bulk.Skipped{}, skipped...), LeftOut: append(data.LeftOuts{}, left...), Dim: plan.Dim, Encoder: plan.Fingerprint, Index: e.index}
	if e.out != "" {
		if r.Files, err = plan.Save(ctx, e.out, e.rows); err != nil {
			return err
		}
	}
	if e.index != "" {
		if err := e.fill(ctx, plan, stderr); err != nil {
			return err
		}
	}
	if !e.keep {
		if err := plan.Remove(); err != nil {
			return err
		}
	}
	r.Seconds = time.Since(begin).Seconds()
	return e.print(stdout, &r)
}

// checkNames refuses names that the index cannot hold, before anything is done.
func (e *embedding) checkNames(pictures []bulk.Picture) error {
	if e.index == "" {
		return nil
	}
	for _, p := range pictures {
		for _, name := range []string{p.ID, p.Label, p.File} {
			if !utf8.ValidString(name) {
				return fmt.Errorf("the name %q is not UTF-8, which an index's texts are; --out takes it", name)
			}
		}
	}
	return nil
}

// shards has the missing shards done, and tells how many are.
func (e *embedding) shards(ctx context.Context, plan *bulk.Plan, stderr io.Writer) error {
	if !e.quiet {
		missing, err := plan.Missing()
		if err != nil {
			return err
		}
		fmt.Fprintf(stderr, "%d pictures in %d shards, %d of them to do, by %s\n", plan.Pictures, plan.Shards(), len(missing), e.runner)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go tell(ctx, plan, len(missing), stderr)
	}
	return pipeline.Run(ctx, e.runner, plan.Dir())
}

// tell counts the shards that are done now and then.
func tell(ctx context.Context, plan *bulk.Plan, before int, stderr io.Writer) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if missing, err := plan.Missing(); err == nil && len(missing) != before {
			before = len(missing)
			fmt.Fprintf(stderr, "%d of %d shards\n", plan.Shards()-before, plan.Shards())
		}
	}
}

// fill adds the vectors to the index.
func (e *embedding) fill(ctx context.Context, plan *bulk.Plan, stderr io.Writer) (err error) {
	x, err := openOrCreate(ctx, e.index, plan.Options())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	info, err := x.Info(ctx)
	if err != nil {
		return err
	}
	if info.Dropped != "" {
		fmt.Fprintf(stderr, "energo-embed: warning: %s: dropped %s\n", e.index, info.Dropped)
	}
	return plan.AddTo(ctx, x)
}

func openOrCreate(ctx context.Context, name string, o index.Options) (index.Index, error) {
	if remote.IsAddress(name) {
		x, err := remote.Open(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return remote.Create(ctx, name, o)
		}
		return x, err
	}
	x, err := index.Open(name)
	if errors.Is(err, index.ErrNoIndex) {
		return index.Create(name, o)
	}
	return x, err
}

func (e *embedding) print(stdout io.Writer, r *result) error {
	if e.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	for _, f := range r.Files {
		if _, err := fmt.Fprintln(stdout, f); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(stdout, "%d pictures are vectors of %d coordinates, %d were skipped, in %.1f s\n", r.Embedded, r.Dim, len(r.Skipped), r.Seconds)
	return err
}
