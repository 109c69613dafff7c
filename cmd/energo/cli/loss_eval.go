package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/energo-ml/energo/catalogue"
	"github.com/spf13/cobra"
)

// maxLine bounds a request, in bytes.
const maxLine = 256 << 20

func newLossEval() *cobra.Command {
	return &cobra.Command{
		Use: "eval", Short: "Evaluate losses: JSON lines in, JSON lines out",
		Long: `Reads a request a line from stdin and writes its answer, a line, to stdout, in order and at once.

  request  {"id": …, "loss": NAME, "dtype": "float64" or "float32",
            "options": {…}, "inputs": {NAME: {"shape": […], "data": […]}, …}}
  answer   {"id": …, "loss": {"shape": […], "data": […]}, "grad": {NAME: {…}, …}}
      or   {"id": …, "error": "…"}

Names are PyTorch's: classes, constructor arguments as options, forward arguments as inputs; energo
loss show NAME lists them. An option that others make void is an error. The functionals are ebm.NAME. The gradients are those of the sum of the loss. Numbers that are
not finite are the texts "NaN", "Infinity" and "-Infinity". A line that is no valid request is answered with
an error, and the next one is still served; empty lines are passed over.`,
		Example: `  echo '{"id":"a","loss":"BCEWithLogitsLoss","options":{"reduction":"sum"},"inputs":{"input":{"shape":[2],"data":[0.5,-1]},"target":{"shape":[2],"data":[1,0]}}}' | energo loss eval`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return evalLines(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// evalLines answers every line of in. It stops between lines when ctx ends.
func evalLines(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	var line, answer []byte
	for ctx.Err() == nil {
		var err error
		line, err = readLine(lines, line[:0])
		switch {
		case errors.Is(err, bufio.ErrTooLong):
			answer = fmt.Appendf(answer[:0], "{\"error\":\"the line has more than %d bytes\"}\n", maxLine)
		case err != nil && !errors.Is(err, io.EOF):
			return err
		case len(bytes.TrimSpace(line)) == 0:
			answer = answer[:0]
		default:
			answer = catalogue.Answer(answer[:0], line)
		}
		if _, failed := out.Write(answer); failed != nil {
			return failed
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
	return errInterrupted
}

// readLine appends the next line to dst, without its end. A line that is too long is
// read over.
func readLine(r *bufio.Reader, dst []byte) ([]byte, error) {
	tooLong := false
	for {
		part, err := r.ReadSlice('\n')
		if len(dst)+len(part) > maxLine {
			tooLong, dst = true, dst[:0]
		}
		if !tooLong {
			dst = append(dst, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case tooLong && (err == nil || errors.Is(err, io.EOF)):
			return dst, bufio.ErrTooLong
		}
		return bytes.TrimSuffix(dst, []byte("\n")), err
	}
}
