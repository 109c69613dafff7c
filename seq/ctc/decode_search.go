package ctc

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// held is a prefix in the beam, with the log probabilities of its alignments: those that
// end with a blank, those that end with its last label, and all.
type held struct {
	prefix                     int32
	onBlank, onToken, onEither float64
}

// candidate is a prefix that may be in the next beam: one of this beam, or one of this
// beam and one more token.
type candidate struct {
	total            float64
	onBlank, onToken float64
	from             int32 // in the beam
	token            int32 // none: the prefix itself
}

// better is a strict order, so that the best of any number do not depend on the order in which they are
// looked at.
func (a *candidate) better(b *candidate) bool {
	if a.total != b.total {
		return a.total > b.total
	}
	return a.from < b.from || a.from == b.from && a.token < b.token
}

// search is prefix beam search at work.
type search struct {
	d      *Decoder
	forest forest
	root   int32
	now    int    // frames so far
	beam   []held // the best first
	next   []held
	keep   heap
	stays  []candidate
	tokens []uint64 // the frame's, the likeliest first; see tokenKey
	last   uint64   // the key of the unlikeliest of the frame's tokens that may begin prefixes
	least  float64  // a total that everything in the next beam reaches
	round  int64    // counts prefixes that have been extended
	seen   []int64  // of each token: the round in which it led to a prefix of the beam, or was tried
	err    error    // of the language model

	emptied int  // the frame after which the beam is empty
	void    bool // all classes of that frame are −Inf
}

// reset starts with no labels.
func (s *search) reset() {
	s.forest.at, s.forest.free = s.forest.at[:0], s.forest.free[:0]
	s.now, s.err = 0, nil
	s.root = s.forest.add(none, none, s.now, s.d.before())
	s.forest.at[s.root].slot = 0
	s.beam = append(s.beam[:0], held{s.root, 0, math.Inf(-1), 0})
}

// frame extends the prefixes by a frame.
func (s *search) frame(row []float32) {
	s.stay(row)
	s.least = math.Inf(-1)
	s.keep = s.keep[:0]
	for i := range s.stays {
		s.consider(&s.stays[i])
	}
	s.likely(row)
	for i := range s.beam {
		s.extend(row, int32(i))
	}
	was := len(s.beam)
	s.turn()
	if len(s.beam) == 0 && was > 0 {
		s.emptied = s.now
		s.void = !slices.ContainsFunc(row, func(v float32) bool { return !math.IsInf(float64(v), -1) })
	}
	s.now++
	s.decide()
}

// stay works out what becomes of the beam's prefixes themselves: by a blank, by their last
// token again, and by the last token after the prefix one shorter, if that is in the beam.
func (s *search) stay(row []float32) {
	blank := float64(row[s.d.beam.Blank])
	s.stays = s.stays[:0]
	for i, h := range s.beam {
		p := &s.forest.at[h.prefix]
		c := candidate{onBlank: h.onEither + blank, onToken: math.Inf(-1), from: int32(i), token: none}
		if p.token != none {
			c.onToken = h.onToken + float64(row[p.token])
		}
		if p.parent != none {
			if from := s.forest.at[p.parent].slot; from != none {
				c.onToken = logAdd(c.onToken, s.step(from, p.token)+float64(row[p.token]))
			}
		}
		c.total = logAdd(c.onBlank, c.onToken) + p.prior
		s.stays = append(s.stays, c)
	}
}

// step returns the log probability of those alignments of a prefix of the beam after which
// the token is a label more: if it is the last label again, there must be a blank between.
func (s *search) step(from, token int32) float64 {
	h := &s.beam[from]
	if s.forest.at[h.prefix].token == token {
		return h.onBlank
	}
	return h.onEither
}

// consider keeps a candidate if it is among the best so far.
func (s *search) consider(c *candidate) {
	switch {
	case c.total < s.least || math.IsInf(c.total, -1):
		return
	case len(s.keep) < s.d.beam.Width:
		s.keep.push(*c)
	case c.better(&s.keep[0]):
		s.keep.replace(*c)
	}
	if len(s.keep) == s.d.beam.Width {
		s.least = max(s.least, s.keep[0].total)
	}
	if s.d.beam.Threshold > 0 {
		s.least = max(s.least, c.total-s.d.beam.Threshold)
	}
}

// bounds are what the total of a prefix of the beam and one more token is under, without that token's
// log probability and what hot words do to it.
type bounds struct {
	within float64 // for tokens that end no word: what is charged ahead only grows
	ending float64 // for those that do
}

func (s *search) bounds(h *held) bounds {
	p := &s.forest.at[h.prefix]
	total := h.onEither + p.prior
	if s.d.hot != nil {
		total -= s.d.hot.lent[p.hot]
	}
	b := bounds{total, total - s.d.ahead(&p.knowledge) + s.d.most}
	b.within += 1e-12 * math.Abs(b.within) // for what is rounded
	b.ending += 1e-12 * math.Abs(b.ending)
	if s.d.beam.Separator == "" { // every token is a word
		b.within = b.ending
	}
	return b
}

// of is the bound for a token.
func (b *bounds) of(d *Decoder, token int32) float64 {
	if d.ends[token] {
		return b.ending
	}
	return b.within
}

func (b *bounds) most() float64 { return max(b.within, b.ending) }

// likely lists the tokens by which some prefix can get into the next beam, unless they continue
// a hot word; the likeliest first.
func (s *search) likely(row []float32) {
	most := math.Inf(-1)
	for i := range s.beam {
		b := s.bounds(&s.beam[i])
		most = max(most, b.most())
	}
	if s.d.hot != nil {
		most += s.d.hot.most
	}
	s.tokens, s.last = s.tokens[:0], math.MaxUint64
	k := s.d.beam.TopTokens
	all := k > 0 && s.d.hot != nil // also those that only hot words can take further count
	for c, v := range row {
		if total := most + float64(v); total < s.least && !all || math.IsInf(total, -1) || c == s.d.beam.Blank {
			continue
		}
		if key := tokenKey(v, c); key <= s.last {
			s.tokens = append(s.tokens, key)
		}
		if k > 0 && len(s.tokens) == 4*k {
			s.top(k)
		}
	}
	slices.Sort(s.tokens)
	if k > 0 && len(s.tokens) > k {
		s.top(k)
	}
}

// top drops all but the k likeliest tokens.
func (s *search) top(k int) {
	slices.Sort(s.tokens)
	s.tokens, s.last = s.tokens[:k], s.tokens[k-1]
}

// tokenKey packs a token so that ascending keys are descending log probabilities, and of
// equal ones ascending classes.
func tokenKey(logProb float32, class int) uint64 {
	bits := math.Float32bits(logProb + 0) // −0 is 0
	if bits>>31 == 0 {
		bits ^= 1<<31 - 1
	}
	return uint64(bits)<<32 | uint64(class)
}

// extend tries a prefix of the beam and one more token.
func (s *search) extend(row []float32, from int32) {
	h := &s.beam[from]
	s.round++
	for n := s.forest.at[h.prefix].child; n != none; n = s.forest.at[n].next {
		if s.forest.at[n].slot != none { // it stays
			s.seen[s.forest.at[n].token] = s.round
		}
	}
	b := s.bounds(h)
	most := b.most()
	hot := s.d.hot
	if hot != nil {
		s.extendHot(row, from, b)
		most += hot.most
	}
	for _, key := range s.tokens {
		token := int32(uint32(key))
		v := float64(row[token])
		if most+v < s.least {
			break
		}
		bound := b.of(s.d, token)
		if hot != nil {
			bound += hot.alone[token]
		}
		if s.seen[token] != s.round && bound+v >= s.least {
			s.try(from, token, v)
		}
	}
}

// extendHot tries those tokens with which the prefix continues a hot word. These are few, and what
// they gain is known or bounded, so that the bound of all others need not provide for it.
func (s *search) extendHot(row []float32, from int32, b bounds) {
	hot := s.d.hot
	state := s.forest.at[s.beam[from].prefix].hot
	for n := state; n != 0; n = hot.fail[n] {
		for k := hot.first[n]; k < hot.first[n+1]; k++ {
			for _, token := range hot.beginning[hot.label[k]] {
				if s.seen[token] == s.round {
					continue
				}
				s.seen[token] = s.round // for the shorter ends, too
				v := float64(row[token])
				bound := b.of(s.d, token) + v
				if bound+hot.bound(k+1, token) < s.least || tokenKey(row[token], int(token)) > s.last {
					continue
				}
				if len(hot.symbols[token]) == 1 || bound+hot.gain(state, token) >= s.least {
					s.try(from, token, v)
				}
			}
		}
	}
}

// try considers a prefix of the beam and one more token.
func (s *search) try(from, token int32, v float64) {
	c := candidate{onBlank: math.Inf(-1), onToken: s.step(from, token) + v, from: from, token: token}
	k := s.forest.at[s.beam[from].prefix].knowledge
	if err := s.d.after(&k, token); err != nil {
		s.err = err
		return
	}
	c.total = c.onToken + k.prior
	s.consider(&c)
}

// turn makes the candidates that have been kept the beam.
func (s *search) turn() {
	s.keep.sort()
	for len(s.keep) > 0 && s.keep[len(s.keep)-1].total < s.least {
		s.keep = s.keep[:len(s.keep)-1]
	}
	for _, h := range s.beam {
		s.forest.at[h.prefix].slot = none
	}
	s.next = s.next[:0]
	for i, c := range s.keep {
		n := s.beam[c.from].prefix
		if c.token != none {
			n = s.grown(n, c.token)
		}
		s.forest.at[n].slot = int32(i)
		s.next = append(s.next, held{n, c.onBlank, c.onToken, logAdd(c.onBlank, c.onToken)})
	}
	for _, h := range s.beam {
		s.forest.release(h.prefix, s.root)
	}
	s.beam, s.next = s.next, s.beam
}

// grown finds or makes the prefix with one more label.
func (s *search) grown(n, token int32) int32 {
	if c := s.forest.find(n, token); c != none {
		return c
	}
	k := s.forest.at[n].knowledge
	if err := s.d.after(&k, token); err != nil {
		s.err = err
	}
	return s.forest.add(n, token, s.now, k)
}

// decide drops prefixes that differ from the best in what it has had for Delay frames.
func (s *search) decide() {
	if s.d.beam.Delay == 0 || len(s.beam) == 0 {
		return
	}
	old := s.beam[0].prefix
	for old != s.root && s.now-s.forest.at[old].born < s.d.beam.Delay {
		old = s.forest.at[old].parent
	}
	if old == s.root {
		return
	}
	s.next = s.next[:0]
	for _, h := range s.beam {
		p := &s.forest.at[h.prefix]
		p.slot = none
		if s.leadsTo(old, h.prefix) {
			p.slot = int32(len(s.next))
			s.next = append(s.next, h)
		}
	}
	for _, h := range s.beam {
		s.forest.release(h.prefix, s.root)
	}
	s.beam, s.next = s.next, s.beam
}

// leadsTo reports whether a prefix is one of another, or the same.
func (s *search) leadsTo(old, n int32) bool {
	for n != old && n != s.root {
		n = s.forest.at[n].parent
	}
	return n == old
}

// advance moves the root to where the beam's prefixes part, and appends the labels on the way.
func (s *search) advance(labels []int) []int {
	for {
		r := &s.forest.at[s.root]
		only := r.child
		if r.slot != none || only == none || s.forest.at[only].next != none {
			return labels
		}
		s.forest.free = append(s.forest.free, s.root)
		s.root = only
		s.forest.at[only].parent = none
		labels = append(labels, int(s.forest.at[only].token))
	}
}

// hypotheses returns the best at the end; before are the labels up to the root's.
func (s *search) hypotheses(before []int) ([]Hypothesis, error) {
	type result struct {
		held
		knowledge
		total float64
	}
	var all []result
	for _, h := range s.beam {
		k, err := s.d.atEnd(s.forest.at[h.prefix].knowledge)
		if err != nil {
			return nil, err
		}
		if total := h.onEither + k.prior; total > math.Inf(-1) {
			all = append(all, result{h, k, total})
		}
	}
	slices.SortFunc(all, func(a, b result) int {
		if a.total != b.total {
			return cmp.Compare(b.total, a.total)
		}
		return slices.Compare(s.labels(nil, a.prefix), s.labels(nil, b.prefix))
	})
	best := make([]Hypothesis, min(len(all), s.d.beam.Best))
	for i := range best {
		r := &all[i]
		best[i] = Hypothesis{s.labels(before, r.prefix), r.onEither, r.lm, r.more, int(r.words), int(r.unknown), r.boost, r.total, nil}
	}
	if len(best) == 0 {
		return nil, s.noHypothesis()
	}
	return best, nil
}

// noHypothesis is the error that says why there is none.
func (s *search) noHypothesis() error {
	closed := s.d.lexicon != nil && s.d.lexicon.closed
	switch {
	case len(s.beam) == 0 && s.void:
		return fmt.Errorf("ctc: %w: all classes of frame %d are −Inf", ErrNoHypothesis, s.emptied)
	case len(s.beam) == 0 && closed:
		return fmt.Errorf("ctc: %w: after frame %d, nothing that the beam of %d had begins words of the lexicon, which has %d", ErrNoHypothesis, s.emptied, s.d.beam.Width, len(s.d.beam.Lexicon))
	case len(s.beam) == 0:
		return fmt.Errorf("ctc: %w: at frame %d, all that the beam of %d had is impossible", ErrNoHypothesis, s.emptied, s.d.beam.Width)
	case closed:
		return fmt.Errorf("ctc: %w: after %d frames, nothing that the beam of %d has ends with a whole word of the lexicon, which has %d", ErrNoHypothesis, s.now, s.d.beam.Width, len(s.d.beam.Lexicon))
	}
	return fmt.Errorf("ctc: %w: the language model gives the probability 0 to all that the beam of %d has", ErrNoHypothesis, s.d.beam.Width)
}

// labels returns a prefix's labels.
func (s *search) labels(before []int, n int32) []int {
	labels := append([]int(nil), before...)
	for ; n != s.root; n = s.forest.at[n].parent {
		labels = append(labels, int(s.forest.at[n].token))
	}
	slices.Reverse(labels[len(before):])
	return labels
}

// logAdd returns ln(exp a + exp b).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if d := b - a; d > -40 { // exp(−40) is less than half a unit in the last place of 1
		return a + math.Log1p(math.Exp(d))
	}
	return a
}
