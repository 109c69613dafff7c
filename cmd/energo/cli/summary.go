package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/train"
)

// summariseMeasured says what was measured, in the words and the units that the figures carry.
func summariseMeasured(out io.Writer, m train.Measured) {
	f, e := m.ErrorFigure(), m.Energy
	fmt.Fprintf(out, "  test         %s: %s%s%s\n", lower(f.Name), f.Text(), noted(f), byChance(f.Unit, m.Chance))
	w := e.Terms
	fmt.Fprintf(out, "  %-12s of %s %s, of %s %s on average\n", w.Energies, w.Correct, w.Unit.Text(float64(e.CorrectMean)), w.Offending, w.Unit.Text(float64(e.OffendingMean)))
	fmt.Fprintf(out, "  gap          median %s; for 5 %% of the %s below %s\n", w.Unit.Text(float64(e.GapP50)), w.Samples, w.Unit.Text(float64(e.GapP05)))
	fmt.Fprintf(out, "  %-12s %s%s\n", lower(w.Kept.Name), m.KeptFigure().Text(), noted(m.KeptFigure()))
	if m.Collapsed {
		fmt.Fprintf(out, "  collapsed    yes. %s\n", m.Why)
		return
	}
	fmt.Fprintf(out, "  collapsed    no. %s\n", m.Verdict)
}

// byChance says what an error is for answers that do not look at the input, where that is known.
func byChance(u measure.Unit, chance measure.Number) string {
	if !measure.Finite(float64(chance)) {
		return ""
	}
	return "; without a look at the input " + u.Text(float64(chance))
}

// lower begins words with a small letter, unless it is that of an abbreviation: "AUC", "R-precision".
func lower(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	if second, _ := utf8.DecodeRuneInString(words[size:]); !unicode.IsLower(second) {
		return words
	}
	return string(unicode.ToLower(first)) + words[size:]
}

// noted is a figure's note behind its value: why there is none, where it is not finite.
func noted(f measure.Figure) string {
	switch {
	case f.Note == "":
		return ""
	case !measure.Finite(float64(f.Value)):
		return ": " + f.Note
	}
	return " " + f.Note
}

// share writes a fraction in per cent.
func share[N ~float64](v N) string { return measure.Share.Text(float64(v)) }

// number shortens a number for people.
func number[N ~float64](v N) string { return measure.Number(v).String() }

// shellQuote makes a path safe to paste, also behind a command's flags.
func shellQuote(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	if path == "" || strings.ContainsAny(path, " '\"\\$`&|;<>()*?[]{}!#~") || shown(path) != path {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// shown is a path in a line of text: as it is, or quoted where it would break the line.
func shown(path string) string { return excerpt.Line(path) }
