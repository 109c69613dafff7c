package cli

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/recipe"
)

// summary says what a run came to on a test set of n samples.
func summary(out io.Writer, r *recipe.Result, n int) {
	trained := r.Functional
	if r.Loss != "" {
		trained = r.Loss + " of the scores −E"
	}
	fmt.Fprintf(out, "%s, %s, %s energy, %s, seed %d\n", r.Recipe, r.Model, r.Form, trained, r.Seed)
	fmt.Fprintf(out, "  test error   %.2f %%  (%d of %d wrong)\n", 100*r.TestError, int(math.Round(r.TestError*float64(n))), n)
	fmt.Fprintf(out, "  energies     correct answer %s, most offending %s on average\n", number(r.Energy.CorrectMean), number(r.Energy.OffendingMean))
	fmt.Fprintf(out, "  gap          median %s; for 5 %% of the samples below %s\n", number(r.Energy.GapP50), number(r.Energy.GapP05))
	fmt.Fprintf(out, "  margin kept  by %.2f %% of the samples\n", 100*r.MarginKept)
	fmt.Fprintf(out, "  collapsed    %s\n", verdict(r))
}

func verdict(r *recipe.Result) string {
	if r.Collapsed {
		return "yes. " + r.Why
	}
	if r.Loss != "" {
		return "no"
	}
	e, err := functional.Lookup(r.Functional)
	if err != nil {
		return "no"
	}
	switch {
	case e.Demonstration:
		return "no, though this functional is a misprint that should not be trained with"
	case e.GoodMargin:
		return fmt.Sprintf("no: %s pushed the correct answers down and the offending ones up", e.Name)
	}
	return fmt.Sprintf("no, though %s enforces no margin: nothing but the architecture kept the energies apart", e.Name)
}

// shellQuote makes a path safe to paste, also behind a command's flags.
func shellQuote(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	if path == "" || strings.ContainsAny(path, " '\"\\$`&|;<>()*?[]{}!#~") || !printable(path) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// shown is a path in a line of text: as it is, or quoted where it would break the line.
func shown(path string) string {
	if printable(path) {
		return path
	}
	return strconv.Quote(path)
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
