package ctc

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/excerpt"
)

// A Piece is a token and the part of a text that it spells.
type Piece struct {
	Token    int // Wildcard too
	From, To int // places of the text, To being the later one
}

// Spellings are ways to spell a text: each is a row of pieces, the next beginning where the one before ends, from
// place 0 to the last. [AllSpellings] has all that tokens allow; [OneSpelling] has one.
type Spellings struct {
	Places int // the last place
	Pieces []Piece
}

// OneSpelling has these tokens alone. Token i is from place i to place i + 1.
func OneSpelling(tokens []int) Spellings {
	s := Spellings{Places: len(tokens), Pieces: make([]Piece, len(tokens))}
	for i, k := range tokens {
		s.Pieces[i] = Piece{k, i, i + 1}
	}
	return s
}

// AllSpellings are all ways in which the texts of tokens make up a text. Places are the text's bytes. A token without a text is in
// none, nor is the blank. There are no more pieces than bytes times the lengths that tokens have.
//
// Errors: a text that no tokens make up, by the first character that none reaches beyond.
func AllSpellings(text string, tokens []string, blank int) (Spellings, error) {
	classes := map[string][]int{}
	var lengths []int
	for c, t := range tokens {
		if t != "" && c != blank {
			classes[t] = append(classes[t], c)
			lengths = append(lengths, len(t))
		}
	}
	slices.Sort(lengths)
	lengths = slices.Compact(lengths)
	s := Spellings{Places: len(text)}
	reached := make([]bool, len(text)+1)
	reached[0] = true
	end := 0 // the farthest place that is reached
	for at := range len(text) {
		if !reached[at] {
			continue
		}
		for _, n := range lengths {
			if at+n > len(text) {
				break
			}
			for _, c := range classes[text[at:at+n]] {
				s.Pieces = append(s.Pieces, Piece{c, at, at + n})
				reached[at+n], end = true, max(end, at+n)
			}
		}
	}
	if !reached[len(text)] {
		return Spellings{}, fmt.Errorf("ctc: %q cannot be spelled with the tokens: none continues with %q at byte %d", excerpt.Of(text), excerpt.Of(text[end:]), end)
	}
	return s, nil
}

// Append adds spellings of a text that follows.
func (s *Spellings) Append(next Spellings) {
	for _, p := range next.Pieces {
		s.Pieces = append(s.Pieces, Piece{p.Token, p.From + s.Places, p.To + s.Places})
	}
	s.Places += next.Places
}

// Optional adds a piece that may stand behind all others or not. Of spellings of nothing it is the only one.
func (s *Spellings) Optional(token int) {
	last := s.Places
	s.Places++
	for _, p := range slices.Clone(s.Pieces) {
		if p.To == last {
			s.Pieces = append(s.Pieces, Piece{p.Token, p.From, s.Places})
		}
	}
	s.Pieces = append(s.Pieces, Piece{token, last, s.Places})
}

// OptionalFirst adds a piece that may stand before all others or not.
func (s *Spellings) OptionalFirst(token int) {
	rest := *s
	*s = OneSpelling([]int{token})
	s.Append(rest)
	for _, p := range rest.Pieces {
		if p.From == 0 {
			s.Pieces = append(s.Pieces, Piece{p.Token, 0, p.To + 1})
		}
	}
}

// check refuses places that are not of the text, and tokens that are no classes.
func (s *Spellings) check(classes, blank int) error {
	if s.Places < 0 || s.Places >= math.MaxInt32 || len(s.Pieces) >= math.MaxInt32 {
		return fmt.Errorf("ctc: the text has %d places and %d pieces; there must be fewer than %d", s.Places, len(s.Pieces), math.MaxInt32)
	}
	for i, p := range s.Pieces {
		if p.From < 0 || p.To <= p.From || p.To > s.Places {
			return fmt.Errorf("ctc: pieces[%d] is from place %d to %d; it must be from one of 0 to %d to a later one", i, p.From, p.To, s.Places)
		}
		if k := p.Token; k != Wildcard && (k < 0 || k >= classes || k == blank) {
			return fmt.Errorf("ctc: tokens[%d] is %d; it must be a class from 0 to %d other than the blank, %d, or the wildcard, %d", i, k, classes-1, blank, Wildcard)
		}
	}
	return nil
}

// far is a number of pieces that no spelling has.
const far = math.MaxInt32

// A graph is spellings as the aligner walks them: the pieces of whole spellings alone, by where they begin, and
// places that are ends of those. It has a blank at each place.
type graph struct {
	places int     // the last place
	pieces []Piece // by From and then To; their places are the graph's
	of     []int32 // of each piece: which of the Spellings, or of the graph that this one reverses
	ids    []int32 // of each piece: its class, a wildcard being one class more
	first  []int32 // of each place: the first piece that begins there or later, and behind them the number of pieces
	ending []int32 // pieces by To and then From
	ends   []int32 // of each place: the first of ending that ends there or later, and behind them its number
	repeat []bool  // of each piece: one of its class ends where it begins
	reach  int     // the longest piece, in places
	crowd  int     // the most pieces that end at one place
	chain  bool    // one spelling: piece i is from place i to place i + 1
	least  int     // frames that the shortest spelling needs, without blanks
	soon   []int32 // of each place: the fewest pieces from place 0 to it or a later one
	late   []int32 // of each place: the fewest pieces from it or an earlier one to the last
}

// newGraph makes it of spellings that are checked. Without any whole spelling least is far.
func newGraph(s *Spellings, classes int) *graph {
	g := &graph{}
	all := make([]int32, len(s.Pieces))
	for i := range all {
		all[i] = int32(i)
	}
	byBegin := func(a, b int32) int {
		p, q := s.Pieces[a], s.Pieces[b]
		if p.From != q.From {
			return p.From - q.From
		}
		return p.To - q.To
	}
	if !slices.IsSortedFunc(all, byBegin) {
		slices.SortStableFunc(all, byBegin)
	}
	from, to := fewestPieces(s, all)
	place := make([]int32, s.Places+1) // in the graph
	for i := range place {
		if whole := from[i] < far && to[i] < far; whole || i == 0 || i == s.Places {
			place[i] = int32(g.places)
			g.soon, g.late = append(g.soon, from[i]), append(g.late, to[i])
			g.places++
		}
	}
	g.places--
	g.least = int(from[s.Places])
	for _, k := range all {
		p := s.Pieces[k]
		if from[p.From] == far || to[p.To] == far {
			continue
		}
		id := int32(p.Token)
		if p.Token == Wildcard {
			id = int32(classes)
		}
		g.pieces = append(g.pieces, Piece{p.Token, int(place[p.From]), int(place[p.To])})
		g.ids, g.of = append(g.ids, id), append(g.of, k)
	}
	g.link()
	return g
}

// fewestPieces returns the fewest pieces from place 0 to each, and from each to the last; far where there are none. The order is that
// of where pieces begin.
func fewestPieces(s *Spellings, order []int32) (from, to []int32) {
	from, to = slices.Repeat([]int32{far}, s.Places+1), slices.Repeat([]int32{far}, s.Places+1)
	from[0], to[s.Places] = 0, 0
	for _, k := range order {
		if p := s.Pieces[k]; from[p.From] < far {
			from[p.To] = min(from[p.To], from[p.From]+1)
		}
	}
	for _, k := range slices.Backward(order) {
		if p := s.Pieces[k]; to[p.To] < far {
			to[p.From] = min(to[p.From], to[p.To]+1)
		}
	}
	return from, to
}

// link works out what follows from the pieces.
func (g *graph) link() {
	for i := len(g.soon) - 2; i >= 0; i-- {
		g.soon[i] = min(g.soon[i], g.soon[i+1])
	}
	for i := 1; i < len(g.late); i++ {
		g.late[i] = min(g.late[i], g.late[i-1])
	}
	n := len(g.pieces)
	g.first, g.ends = make([]int32, g.places+2), make([]int32, g.places+2)
	g.ending, g.repeat = make([]int32, n), make([]bool, n)
	g.chain, g.reach = n == g.places, 1
	for i, p := range g.pieces {
		g.first[p.From+1]++
		g.ends[p.To+1]++
		g.reach = max(g.reach, p.To-p.From)
		g.chain = g.chain && p.From == i && p.To == i+1
	}
	for i := range g.places + 1 {
		g.first[i+1] += g.first[i]
		g.crowd = max(g.crowd, int(g.ends[i+1]))
		g.ends[i+1] += g.ends[i]
	}
	next := slices.Clone(g.ends)
	for k, p := range g.pieces {
		g.ending[next[p.To]] = int32(k)
		next[p.To]++
	}
	for k, p := range g.pieces {
		for _, b := range g.endingAt(p.From) {
			g.repeat[k] = g.repeat[k] || p.Token != Wildcard && g.pieces[b].Token == p.Token
		}
	}
}

// endingAt are the pieces that end at a place.
func (g *graph) endingAt(place int) []int32 { return g.ending[g.ends[place]:g.ends[place+1]] }

// reversed is the graph of the spellings read from their end.
func (g *graph) reversed() *graph {
	r := &graph{places: g.places, least: g.least}
	n := len(g.pieces)
	for i := range g.ending {
		k := g.ending[n-1-i]
		p := g.pieces[k]
		r.pieces = append(r.pieces, Piece{p.Token, g.places - p.To, g.places - p.From})
		r.ids, r.of = append(r.ids, g.ids[k]), append(r.of, k)
	}
	r.soon, r.late = slices.Clone(g.late), slices.Clone(g.soon)
	slices.Reverse(r.soon)
	slices.Reverse(r.late)
	r.link()
	return r
}

// band returns the places from lo to hi − 1 where a path can be in frame t of a number of them.
func (g *graph) band(t, frames int) (lo, hi int) {
	lo, _ = slices.BinarySearchFunc(g.late, frames-t, func(late int32, left int) int {
		if int(late) > left {
			return -1
		}
		return 1
	})
	hi, _ = slices.BinarySearchFunc(g.soon, t, func(soon int32, t int) int {
		if int(soon) <= t {
			return -1
		}
		return 1
	})
	return lo, max(lo, hi)
}
