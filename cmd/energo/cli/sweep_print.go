package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"charm.land/lipgloss/v2/table"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job/sweep"
)

// sweepHeader names the columns of the table of a sweep.
func sweepHeader(s *sweep.Summary) []string {
	header := []string{"TRIAL"}
	for _, a := range s.Axes {
		header = append(header, strings.ToUpper(a.Name))
	}
	return append(header, "EPOCHS", "VALIDATION", "TEST", "GAP P50", "KEPT", "COLLAPSED", "STATE")
}

// sweepRow is a line of the table.
func sweepRow(s *sweep.Summary, o *sweep.Outcome) []string {
	row := []string{fmt.Sprint(o.Trial)}
	for _, a := range s.Axes {
		value := "–" // it has no effect in this trial
		if v, ok := o.Settings[a.Name]; ok {
			value = shown(fmt.Sprint(v))
		}
		row = append(row, value)
	}
	collapsed, state := "no", o.State
	if o.Collapsed {
		collapsed = "yes"
	}
	if o.State == sweep.Failed {
		state += ": " + shown(o.Why)
	}
	return append(row, fmt.Sprint(o.Epochs), dash(s.Error.Of(float64(o.Validation))), dash(s.Error.Of(float64(o.TestError))),
		dash(measure.Figure{Value: o.GapP50}), dash(measure.Figure{Quantity: measure.Quantity{Unit: measure.Share}, Value: o.Kept}), collapsed, state)
}

// dash writes a figure, or a dash where there is none.
func dash(f measure.Figure) string {
	if !measure.Finite(float64(f.Value)) {
		return "–"
	}
	return f.Text()
}

// printSweep prints the table of a sweep.
func printSweep(out io.Writer, s *sweep.Summary) error {
	if terminal(out) {
		t := table.New().Headers(sweepHeader(s)...)
		for i := range s.Trials {
			t.Row(sweepRow(s, &s.Trials[i])...)
		}
		_, err := fmt.Fprintln(out, t.Render())
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(sweepHeader(s), "\t"))
	for i := range s.Trials {
		fmt.Fprintln(w, strings.Join(sweepRow(s, &s.Trials[i]), "\t"))
	}
	return w.Flush()
}
