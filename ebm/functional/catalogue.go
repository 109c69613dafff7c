package functional

import (
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
)

// Entry describes a functional.
type Entry struct {
	Name    string
	Formula string   // in E⁺, E⁻ and the settings
	Margin  string   // the lecture's column: "none", "0", "> 0", "m" or "C"
	Kinks   string   // where the formula has corners, and what is pushed there
	Misread string   // what the prints have wrong, or ""
	Uses    []string // the settings it takes, as flags name them: "margin", "beta", "gamma", "cap", "delta", "cost"
	Source  []string // keys of docs/references.md

	// GoodMargin says that the theory calls it good: it keeps a positive margin.
	GoodMargin bool
	// NeedsNonNegative says that it makes sense for energies of at least 0 only; lvq2
	// does so too if Delta is set.
	NeedsNonNegative bool
	// Rival says that it takes E⁻, or F⁻ as Options.Rival says, and then Beta too.
	Rival bool
	// Demonstration marks what is there to be seen failing.
	Demonstration bool

	of func(Options) Functional
}

// Takes reports whether the functional takes a setting, as flags name it.
func (e Entry) Takes(setting string) bool { return slices.Contains(e.Uses, setting) }

// Settings returns the names of the settings that count beside o's Rival: Uses and, of functionals that have a rival,
// "rival" and its "beta".
func (e Entry) Settings(o Options) []string {
	switch {
	case !e.Rival:
		return e.Uses
	case o.Rival == "wrong":
		return append(slices.Clone(e.Uses), "rival", "beta")
	default:
		return append(slices.Clone(e.Uses), "rival")
	}
}

// Names returns the names of all functionals, in the catalogue's order.
func Names() (names []string) {
	for _, e := range Catalogue() {
		names = append(names, e.Name)
	}
	return names
}

// Catalogue returns a row for every functional, in the lecture's order.
func Catalogue() []Entry {
	return []Entry{{
		Name: "energy", Formula: "E⁺", Margin: "none",
		Source: []string{"lecun2006"},
		of:     func(Options) Functional { return Energy{} },
	}, {
		Name: "perceptron", Formula: "E⁺ − min_y E(y)", Margin: "0",
		Kinks:   "ties: the correct answer counts as the minimum, then the first; a tie with it pushes nothing",
		Misread: "≥ 0, not > 0: zero if and only if E⁺ is the minimum, ties included",
		Source:  []string{"lecun2006", "collins2002"},
		of:      func(Options) Functional { return Perceptron{} },
	}, {
		Name: "hinge", Formula: "max(0, m + E⁺ − E⁻)", Margin: "m", GoodMargin: true, Rival: true,
		Kinks:   "m + E⁺ = E⁻: pushed, as in nn.MarginRankingLoss; ties: the first incorrect answer",
		Misread: "the lecture closes the bracket before − E⁻",
		Uses:    []string{"margin"}, Source: []string{"lecun2006", "altun2003"},
		of: func(o Options) Functional { return Hinge{o.Margin, o.rival()} },
	}, {
		Name: "log", Formula: "log(1 + exp(E⁺ − E⁻))", Margin: "> 0", GoodMargin: true, Rival: true,
		Kinks: "ties: the first incorrect answer", Source: []string{"lecun2006"},
		of: func(o Options) Functional { return Log{o.rival()} },
	}, {
		Name: "lvq2", Formula: "min(M, max(0, E⁺ − E⁻)), or over δE⁻ if δ > 0", Margin: "0", Rival: true,
		Kinks: "0 and M: pushed, as by torch.clamp; ties: the first incorrect answer",
		Uses:  []string{"cap", "delta"}, Source: []string{"lecun2006", "kohonen1990", "driancourt1991"},
		of: func(o Options) Functional { return LVQ2{o.Cap, o.Delta, o.rival()} },
	}, {
		Name: "mce", Formula: "1/(1 + exp(−(E⁺ − E⁻)))", Margin: "> 0", GoodMargin: true, Rival: true,
		Kinks: "ties: the first incorrect answer", Source: []string{"lecun2006", "juang1997"},
		of: func(o Options) Functional { return MCE{o.rival()} },
	}, {
		Name: "square_square", Formula: "(E⁺)² + max(0, m − E⁻)²", Margin: "m", GoodMargin: true, Rival: true,
		Kinks:   "ties: the first incorrect answer",
		Misread: "the 2006 table has a minus sign between the terms",
		Uses:    []string{"margin"}, Source: []string{"lecun2006", "hadsell2006"}, NeedsNonNegative: true,
		of: func(o Options) Functional { return SquareSquare{o.Margin, o.rival()} },
	}, {
		Name: "square_exp", Formula: "(E⁺)² + γ exp(−E⁻)", Margin: "> 0", GoodMargin: true, Rival: true,
		Kinks: "ties: the first incorrect answer",
		Uses:  []string{"gamma"}, Source: []string{"lecun2006"}, NeedsNonNegative: true,
		of: func(o Options) Functional { return SquareExp{o.Gamma, o.rival()} },
	}, {
		Name: "nll", Formula: "E⁺ + (1/β) log ∫ exp(−β E(y)) dy", Margin: "> 0", GoodMargin: true,
		Misread: "the lecture has exp(+β E)",
		Uses:    []string{"beta"}, Source: []string{"lecun2006", "bahl1986"},
		of: func(o Options) Functional { return NLL{o.Beta} },
	}, {
		Name: "mee", Formula: "1 − exp(−β E⁺)/∫ exp(−β E(y)) dy", Margin: "> 0", GoodMargin: true,
		Uses: []string{"beta"}, Source: []string{"lecun2006"},
		of: func(o Options) Functional { return MEE{o.Beta} },
	}, {
		Name: "margin_cost", Formula: "Σ_{y≠Y} max(0, E⁺ − E(y) + C(Y, y))", Margin: "C", GoodMargin: true,
		Kinks:   "E⁺ + C = E(y): not pushed, as in nn.MultiMarginLoss",
		Misread: "the lecture's sum includes y = Y",
		Uses:    []string{"margin", "cost"}, Source: []string{"lecun2006", "weston1999"},
		of: func(o Options) Functional { return MarginCost{o.Margin, o.Cost} },
	}, {
		Name: "margin_cost_max", Formula: "max(0, max_{y≠Y} (E⁺ − E(y) + C(Y, y)))", Margin: "C", GoodMargin: true,
		Kinks: "a maximum of 0: pushed, as by hinge; ties: the first incorrect answer",
		Uses:  []string{"margin", "cost"}, Source: []string{"lecun2006", "crammer2001", "taskar2003", "tsochantaridis2005"},
		of: func(o Options) Functional { return MarginCostMax{o.Margin, o.Cost} },
	}, {
		Name: "square_square_misprint", Formula: "(E⁺)² − max(0, m − E⁻)²", Margin: "none", Rival: true,
		Kinks:   "ties: the first incorrect answer",
		Misread: "this is the 2006 table's misprint of square_square, kept to be seen failing",
		Uses:    []string{"margin"}, Source: []string{"lecun2006"}, NeedsNonNegative: true, Demonstration: true,
		of: func(o Options) Functional { return SquareSquareMisprint{o.Margin, o.rival()} },
	}}
}

// Lookup returns the catalogue's row of a name. The error lists the names.
func Lookup(name string) (Entry, error) {
	all := Catalogue()
	names := make([]string, len(all))
	for i, e := range all {
		if e.Name == name {
			return e, nil
		}
		names[i] = e.Name
	}
	return Entry{}, fmt.Errorf("functional: there is none called %q; there are %s%s", excerpt.Of(name), strings.Join(names, ", "), spelling.DidYouMean(name, names))
}

// New returns the functional of a name, with those of the options that it uses. The
// error names an option that is out of range, or lists the names.
func New(name string, o Options) (Functional, error) {
	e, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	if err := o.check(e.Settings(o)); err != nil {
		return nil, fmt.Errorf("functional: %s: %w", name, err)
	}
	return e.of(o), nil
}
