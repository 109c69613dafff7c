package loss

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Entry describes a loss.
type Entry struct {
	Name    string // as commands and benchmarks name it: "bce_logits"
	Type    string // this package's type
	PyTorch string // PyTorch's class; "" where it has none
	Formula string
	Domain  string   // what the arguments must be
	Margin  string   // the option that is a margin and its default, or "none", or "> 0" where the loss has one built in
	Kinks   string   // where it has corners, and which derivative it takes there
	Differs string   // where PyTorch is wrong or unstable, and ours is not; or ""
	Source  []string // keys of docs/references.md
	Inputs  []Input
	Options []Option
	Needs   []Need // of those options that others make void

	// Batch says that a sample's loss depends on the others: there is none of each sample.
	Batch bool

	// Of pointwise losses, as functions of their first argument.
	Convex    bool
	Symmetric bool // by exchanging input and target

	// At is the loss and its derivative by its first argument, with default options, for
	// plots: at x, with the other argument y. It is nil where the loss is not pointwise.
	At func(x, y float64) (l, d float64)

	run32 func(*Call[float32]) error
	run64 func(*Call[float64]) error
}

// Input is a forward argument, by PyTorch's name.
type Input struct {
	Name     string
	Grad     bool   // PyTorch differentiates by it, where it is of floats
	Optional bool   // may be left out
	Is       string // what it is, where that is not plain: "class indices [N], or probabilities"
}

// takes reports whether a name is this input's; "*" in an input's name stands for a number.
func (in Input) takes(name string) bool {
	before, after, many := strings.Cut(in.Name, "*")
	if !many {
		return in.Name == name
	}
	rest, ok := strings.CutPrefix(name, before)
	if !ok {
		return false
	}
	digits, ok := strings.CutSuffix(rest, after)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// Option is a constructor's argument, by PyTorch's name.
type Option struct {
	Name    string
	Default string
	Is      string
}

var (
	signedInputs      = []Input{{Name: "input", Grad: true}, {Name: "target", Is: "1 or −1"}}
	spreadOption      = Option{"weight", "none", "weight of each element, spread over the shape of input"}
	classWeightOption = Option{"weight", "none", "weight of each class [C]"}
	reductionOption   = Option{"reduction", "mean", "none, mean or sum"}
	regressionInputs  = []Input{{Name: "input", Grad: true}, {Name: "target", Grad: true}}
	weightOption      = Option{"weight", "none", "weight of each element, of the input's shape"}
)

// unchecked is the option of losses with a field Unchecked.
func unchecked(what string) Option {
	return Option{"unchecked", "false", "let " + what + " pass"}
}

// Called returns what requests call the loss: PyTorch's class, or else this package's type.
func (e Entry) Called() string { return cmp.Or(e.PyTorch, e.Type) }

func (e Entry) optionNames() (names []string) {
	for _, o := range e.Options {
		names = append(names, o.Name)
	}
	return names
}

func (e Entry) inputNames() (names []string) {
	for _, in := range e.Inputs {
		names = append(names, in.Name)
	}
	return names
}

// Catalogue returns a row for every loss.
func Catalogue() []Entry {
	return []Entry{
		l1Entry(), mseEntry(), smoothL1Entry(), huberEntry(),
		crossEntropyEntry(), nllEntry(),
		poissonNLLEntry(), gaussianNLLEntry(), klDivEntry(),
		bceEntry(), bceLogitsEntry(),
		marginRankingEntry(), hingeEmbeddingEntry(), multiLabelMarginEntry(), softMarginEntry(), multiLabelSoftMarginEntry(),
		multiMarginEntry(), cosineEmbeddingEntry(), tripletMarginEntry(), tripletMarginWithDistanceEntry(),
		adaptiveLogSoftmaxEntry(), linearCrossEntropyEntry(), ctcEntry(),
		contrastiveEntry(), batchTripletEntry(), nPairsEntry(), ntXentEntry(), supConEntry(), multiSimilarityEntry(), circleEntry(),
		arcFaceEntry(), cosFaceEntry(), proxyNCAEntry(), proxyAnchorEntry(),
		vicRegEntry(), barlowTwinsEntry(),
	}
}

// Lookup returns the row of a name: this package's, its type's, or PyTorch's class. The
// error lists the names.
func Lookup(name string) (Entry, error) {
	all := Catalogue()
	names := make([]string, len(all))
	for i, e := range all {
		if slices.Contains([]string{e.Name, e.Type, e.Called()}, name) {
			return e, nil
		}
		names[i] = e.Name
	}
	return Entry{}, fmt.Errorf("loss: there is none called %q; there are %s", excerpt.Of(name), strings.Join(names, ", "))
}
