package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/spf13/cobra"
)

func newONNX() *cobra.Command {
	return group(&cobra.Command{
		Use: "onnx", Short: "Show, check, run and time models in the ONNX format",
		Long: `Models that PyTorch and others exported: what they hold, whether energo has all that they need, what they give for
arrays that NumPy saved, and how fast they are. Instead of a file, each command takes a folder of Hugging Face: config.json with model.safetensors.`,
		Example: `  energo onnx show net.onnx
  energo onnx run net.onnx --input x=x.npy --out outputs`,
	}, "there is no command %[1]q of energo onnx%[2]s", newONNXShow(), newONNXCheck(), newONNXRun(), newONNXBench(), newONNXTest())
}

// onnxShown is what energo onnx show says of a file.
type onnxShown struct {
	File       string       `json:"file"`
	Producer   string       `json:"producer"`
	IRVersion  int64        `json:"ir_version"`
	Opsets     []onnxOpset  `json:"opsets"`
	Inputs     []onnxPort   `json:"inputs"`
	Outputs    []onnxPort   `json:"outputs"`
	Nodes      int          `json:"nodes"`
	Parameters int          `json:"parameters"`
	Operators  []onnxCount  `json:"operators"`
	Problems   []string     `json:"problems"`
	Metadata   []onnxDetail `json:"metadata"`
}

type onnxOpset struct {
	Domain  string `json:"domain"`
	Version int64  `json:"version"`
}

type onnxPort struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []any  `json:"shape"` // a number, a name, or null where neither is known; null for an unknown rank
	text  string
}

type onnxCount struct {
	Operator string `json:"operator"`
	Nodes    int    `json:"nodes"`
}

type onnxDetail struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func newONNXShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show FILE", Short: "What a model takes, gives and is made of", Args: exactly("FILE"),
		Example: "  energo onnx show net.onnx\n  energo onnx show net.onnx --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := onnx.ReadFile(args[0])
			if err != nil {
				return err
			}
			s, err := showONNX(args[0], f)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), s, true)
			}
			s.print(cmd.OutOrStdout())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func showONNX(path string, f *format.Model) (*onnxShown, error) {
	survey := onnx.Look(f)
	s := &onnxShown{
		File: path, Producer: strings.TrimSpace(f.Producer + " " + f.ProducerVersion), IRVersion: f.IRVersion,
		Nodes: survey.Nodes, Parameters: survey.Parameters,
	}
	for _, o := range f.Opsets {
		s.Opsets = append(s.Opsets, onnxOpset(o))
	}
	for _, c := range survey.Operators {
		s.Operators = append(s.Operators, onnxCount{strings.TrimPrefix(c.Domain+"."+c.Op, "."), c.Nodes})
	}
	for _, p := range survey.Problems {
		s.Problems = append(s.Problems, p.Error())
	}
	for _, m := range f.Metadata {
		s.Metadata = append(s.Metadata, onnxDetail(m))
	}
	in, out, err := onnx.Ports(f)
	if err != nil {
		s.Problems = append(s.Problems, err.Error())
	}
	s.Inputs, s.Outputs = onnxPorts(in), onnxPorts(out)
	return s, nil
}

func onnxPorts(ports []onnx.Port) []onnxPort {
	var all []onnxPort
	for _, p := range ports {
		q := onnxPort{Name: p.Name, Type: p.Kind.String(), text: p.String()}
		if p.HasShape {
			q.Shape = []any{}
		}
		for _, d := range p.Shape {
			switch {
			case d.Size >= 0:
				q.Shape = append(q.Shape, d.Size)
			case d.Name != "":
				q.Shape = append(q.Shape, d.Name)
			default:
				q.Shape = append(q.Shape, nil)
			}
		}
		all = append(all, q)
	}
	return all
}

func (s *onnxShown) print(out io.Writer) {
	var opsets []string
	for _, o := range s.Opsets {
		opsets = append(opsets, strings.TrimSpace(o.Domain+" "+fmt.Sprint(o.Version)))
	}
	fmt.Fprintf(out, "%s: ONNX IR %d, opset %s", shown(s.File), s.IRVersion, strings.Join(opsets, ", "))
	if s.Producer != "" {
		fmt.Fprintf(out, ", by %s", shown(s.Producer))
	}
	fmt.Fprintf(out, "\n%s, %s\n", counted(s.Nodes, "node", "nodes"), counted(s.Parameters, "parameter", "parameters"))
	for _, p := range s.Inputs {
		fmt.Fprintf(out, "input    %s\n", shown(p.text))
	}
	for _, p := range s.Outputs {
		fmt.Fprintf(out, "output   %s\n", shown(p.text))
	}
	var operators []string
	for _, c := range s.Operators {
		operators = append(operators, fmt.Sprintf("%s %d", c.Operator, c.Nodes))
	}
	for line := range slices.Chunk(operators, 8) {
		fmt.Fprintf(out, "nodes    %s\n", strings.Join(line, ", "))
	}
	for _, m := range s.Metadata {
		fmt.Fprintf(out, "metadata %s: %s\n", shown(m.Key), shown(excerpt.Of(m.Value)))
	}
	for _, p := range s.Problems {
		fmt.Fprintf(out, "missing  %s\n", p)
	}
}

func newONNXCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE…", Short: "Whether energo can run models, and what they lack",
		Long: `Loads each model as a run would. The exit code is 1 where one of them cannot be loaded; all operators that are missing are
named, not only the first.`,
		Example: "  energo onnx check net.onnx other.onnx",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s: FILE is missing", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := 0
			for _, path := range args {
				problems := checkONNX(path)
				if len(problems) == 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: can be run\n", shown(path))
					continue
				}
				bad++
				for _, p := range problems {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %v\n", shown(path), p)
				}
			}
			if bad > 0 {
				return fmt.Errorf("%d of %s cannot be run", bad, counted(len(args), "model", "models"))
			}
			return nil
		},
	}
}

func checkONNX(path string) []error {
	f, err := onnx.ReadFile(path)
	if err != nil {
		return []error{err}
	}
	if problems := onnx.Look(f).Problems; len(problems) > 0 {
		return problems
	}
	if _, err := onnx.New(f, nil); err != nil {
		return []error{err}
	}
	return nil
}
