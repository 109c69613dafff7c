package cli

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/job"
	"github.com/spf13/cobra"
)

func newExport(all []job.Job) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "export RUN", Short: "Write the network of a run as an ONNX model", Args: exactly("the run's folder"),
		Long: `Writes the trained network of a finished run as an ONNX model (opset 17), which ONNX Runtime and others run, and energo
itself (energo onnx). Its inputs and outputs say what they mean, as this command prints it, and its metadata has what a program needs
besides: the job, the labels or tokens, what pixels are, the sample rate and features of recordings. Sizes that the network leaves open,
such as the batch, stay open.

Runs of pictures, search, siamese, strips, speech and table, and taggers that are networks, are written by their card alone; the others need the data of the
training, as eval does. A model that is not a network, such as a tagger of features or a Boltzmann machine, is refused.`,
		Example: "  energo export runs/digits-nll-cnn-1 --onnx digits.onnx\n  energo export runs/search-triplet-1 --onnx encoder.onnx",
		RunE: func(cmd *cobra.Command, args []string) error {
			if path == "" {
				return usagef("--onnx is not set; it must name the file to write")
			}
			return exportRun(cmd, all, args[0], path)
		},
	}
	cmd.Flags().StringVar(&path, "onnx", "", "the `file` to write")
	return cmd
}

// exportRun writes the network of a run to a file.
func exportRun(cmd *cobra.Command, all []job.Job, dir, path string) error {
	p := newProgress(cmd.ErrOrStderr(), false)
	g, err := job.Export(cmd.Context(), dir, all, p.env(""))
	p.end()
	if err != nil {
		return err
	}
	m, err := g.Model()
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	m.ProducerVersion = release()
	inputs, outputs, err := onnx.Ports(m)
	if err != nil {
		return err
	}
	if err := format.WriteFile(path, m); err != nil {
		return err
	}
	w := messages(cmd, path)
	for i, in := range inputs {
		fmt.Fprintf(w, "input   %s: %s\n", in, m.Graph.Inputs[i].Doc)
	}
	for i, out := range outputs {
		fmt.Fprintf(w, "output  %s: %s\n", out, m.Graph.Outputs[i].Doc)
	}
	fmt.Fprintf(w, "Wrote %s.\n", shown(path))
	return nil
}
