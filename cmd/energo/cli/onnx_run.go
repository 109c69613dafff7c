package cli

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/conformance"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/spf13/cobra"
)

func newONNXRun() *cobra.Command {
	var inputs []string
	var out string
	var threads int
	cmd := &cobra.Command{
		Use: "run FILE --input NAME=FILE.npy… [--out DIR]", Short: "Compute a model's outputs from arrays", Args: exactly("FILE"),
		Long: `Computes the outputs of a model from arrays that NumPy saved, and prints the types and shapes of what it gives. With --out each output is
written as DIR/NAME.npy; a / or : of its name becomes _.`,
		Example: "  energo onnx run net.onnx --input x=x.npy --out outputs",
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := openONNX(args[0], threads)
			if err != nil {
				return err
			}
			values, err := readInputs(inputs)
			if err != nil {
				return err
			}
			results, err := m.Run(values)
			if err != nil {
				return err
			}
			if out != "" {
				if err := writeOutputs(out, m, results); err != nil {
					return err
				}
			}
			for _, p := range m.Outputs {
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", shown(p.Name), results[p.Name])
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&inputs, "input", nil, "an input, as `NAME=FILE.npy`; once for each")
	cmd.Flags().StringVar(&out, "out", "", "`folder` for the outputs")
	threadsFlag(cmd, &threads)
	return cmd
}

func threadsFlag(cmd *cobra.Command, threads *int) {
	cmd.Flags().IntVar(threads, "threads", 0, "cores to use (0: all)")
}

// openONNX opens a model and sets how many cores it may use.
func openONNX(path string, threads int) (*onnx.Model, error) {
	if threads < 0 {
		return nil, usagef("--threads is %d; it must not be negative", threads)
	}
	simd.SetThreads(threads)
	return onnx.Open(path, nil)
}

func readInputs(inputs []string) (map[string]*value.Value, error) {
	values := map[string]*value.Value{}
	for _, s := range inputs {
		i := strings.LastIndex(s, "=") // names may have one, files seldom
		if i <= 0 || i == len(s)-1 {
			return nil, usagef("--input is %q; it must be NAME=FILE.npy", s)
		}
		if values[s[:i]] != nil {
			return nil, usagef("--input %q stands twice", s[:i])
		}
		v, err := value.ReadNPY(s[i+1:])
		if err != nil {
			return nil, fmt.Errorf("--input %s: %w", s[:i], err)
		}
		values[s[:i]] = v
	}
	return values, nil
}

// outputFile is the name of an output's file.
func outputFile(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:`, r) || r == os.PathSeparator {
			return '_'
		}
		return r
	}, name) + ".npy"
}

func writeOutputs(dir string, m *onnx.Model, results map[string]*value.Value) error {
	seen := map[string]string{}
	for _, p := range m.Outputs {
		file := outputFile(p.Name)
		if other, ok := seen[file]; ok {
			return fmt.Errorf("outputs %q and %q would both be written to %s", other, p.Name, file)
		}
		seen[file] = p.Name
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, p := range m.Outputs {
		if err := value.WriteNPY(filepath.Join(dir, outputFile(p.Name)), results[p.Name]); err != nil {
			return err
		}
	}
	return nil
}

// onnxTime is how long a model takes.
type onnxTime struct {
	File    string  `json:"file"`
	Runs    int     `json:"runs"`
	Median  float64 `json:"median_ms"`
	Least   float64 `json:"least_ms"`
	Threads int     `json:"threads"`
}

func newONNXBench() *cobra.Command {
	var inputs, dims []string
	var threads int
	var span time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use: "bench FILE", Short: "Time a model on this machine", Args: exactly("FILE"),
		Long: `Runs a model for some time, warm, and prints the median and the least time of a run. Inputs are arrays that NumPy saved, or random numbers; for those --dim says
how large the dimensions are that the file leaves open (1 otherwise): by name, or as INPUT:AXIS.`,
		Example: "  energo onnx bench net.onnx --dim batch=16\n  energo onnx bench net.onnx --dim x:3=320 --threads 1",
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := openONNX(args[0], threads)
			if err != nil {
				return err
			}
			values, err := readInputs(inputs)
			if err != nil {
				return err
			}
			if err := randomInputs(m, values, dims); err != nil {
				return err
			}
			t, err := timeONNX(m, values, span)
			if err != nil {
				return err
			}
			t.File, t.Threads = args[0], simd.Threads()
			if !asJSON {
				fmt.Fprintf(cmd.OutOrStdout(), "median %.3f ms, least %.3f ms of %s on %s (%s)\n", t.Median, t.Least, counted(t.Runs, "run", "runs"), counted(t.Threads, "core", "cores"), simd.Current())
			}
			return printJSON(cmd.OutOrStdout(), t, asJSON)
		},
	}
	cmd.Flags().StringArrayVar(&inputs, "input", nil, "an input, as `NAME=FILE.npy`; random numbers for the others")
	cmd.Flags().StringArrayVar(&dims, "dim", nil, "the size of an open dimension, as `NAME=SIZE` or INPUT:AXIS=SIZE")
	cmd.Flags().DurationVar(&span, "for", 2*time.Second, "how long to run")
	threadsFlag(cmd, &threads)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func timeONNX(m *onnx.Model, values map[string]*value.Value, span time.Duration) (*onnxTime, error) {
	if _, err := m.Run(values); err != nil { // cold
		return nil, err
	}
	var times []float64
	for begin := time.Now(); len(times) == 0 || time.Since(begin) < span; {
		start := time.Now()
		if _, err := m.Run(values); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start).Seconds()*1e3)
	}
	slices.Sort(times)
	return &onnxTime{Runs: len(times), Median: times[len(times)/2], Least: times[0]}, nil
}

// randomInputs makes the inputs that are not there yet.
func randomInputs(m *onnx.Model, values map[string]*value.Value, dims []string) error {
	sizes := map[string]int{}
	for _, s := range dims {
		name, size, ok := strings.Cut(s, "=")
		n, err := strconv.Atoi(size)
		if !ok || err != nil || n < 0 {
			return usagef("--dim is %q; it must be NAME=SIZE or INPUT:AXIS=SIZE", s)
		}
		sizes[name] = n
	}
	used := map[string]bool{}
	for _, p := range m.Inputs {
		if values[p.Name] != nil || p.Optional {
			continue
		}
		if !p.HasShape {
			return usagef("the file says no shape of input %q; give it with --input", p.Name)
		}
		shape := make([]int, len(p.Shape))
		for i, d := range p.Shape {
			shape[i] = max(d.Size, 1)
			if d.Size >= 0 {
				shape[i] = d.Size
				continue
			}
			for _, key := range []string{d.Name, fmt.Sprintf("%s:%d", p.Name, i)} {
				if n, ok := sizes[key]; ok && key != "" {
					shape[i], used[key] = n, true
				}
			}
		}
		v, err := value.New(p.Kind, shape...)
		if err != nil {
			return fmt.Errorf("input %q: %w", p.Name, err)
		}
		randomise(v)
		values[p.Name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		if !used[name] {
			return usagef("--dim %s names no open dimension of an input", name)
		}
	}
	return nil
}

// randomise draws floats of mean 0 and variance 1; integers stay 0, which is an index of anything.
func randomise(v *value.Value) {
	r := rand.New(rand.NewPCG(1, 1))
	switch v.Memory() {
	case value.F32:
		for i, x := 0, value.Data[float32](v); i < len(x); i++ {
			x[i] = float32(r.NormFloat64())
		}
		value.Round(v.Kind, value.Data[float32](v))
	case value.F64:
		for i, x := 0, value.Data[float64](v); i < len(x); i++ {
			x[i] = r.NormFloat64()
		}
	}
}

func newONNXTest() *cobra.Command {
	var only string
	var all bool
	t := conformance.Default
	cmd := &cobra.Command{
		Use: "test DIR…", Short: "Run tests in the form of the ONNX project's own",
		Long: `Runs the tests in the folders DIR and below: a folder with model.onnx, and folders test_data_set_0 and so on with inputs input_0.pb and the outputs
output_0.pb that they must give. A test is refused where the model cannot be loaded. The exit code is 1 where one failed.`,
		Example: "  energo onnx test onnx/backend/test/data/node --only resize",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s: DIR is missing", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := conformance.Find(args...)
			if err != nil {
				return err
			}
			dirs = slices.DeleteFunc(dirs, func(d string) bool { return !strings.Contains(filepath.Base(d), only) })
			if len(dirs) == 0 {
				return fmt.Errorf("no tests: no folder with model.onnx below %s", strings.Join(args, ", "))
			}
			var n [3]int
			for _, d := range dirs {
				if err := cmd.Context().Err(); err != nil {
					return err
				}
				r := conformance.Run(d, t)
				n[r.Outcome]++
				switch {
				case r.Err != nil:
					fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %v\n", r.Outcome, r.Name, r.Err)
				case all:
					fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", r.Outcome, r.Name)
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d passed, %d failed, %d refused of %d\n", n[conformance.Passed], n[conformance.Failed], n[conformance.Refused], len(dirs))
			if n[conformance.Failed] > 0 {
				return fmt.Errorf("%s failed", counted(n[conformance.Failed], "test", "tests"))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&only, "only", "", "run tests whose name has this `text`")
	cmd.Flags().BoolVar(&all, "all", false, "print the tests that passed, too")
	cmd.Flags().Float64Var(&t.Relative, "rtol", t.Relative, "relative tolerance")
	cmd.Flags().Float64Var(&t.Absolute, "atol", t.Absolute, "absolute tolerance")
	return cmd
}
