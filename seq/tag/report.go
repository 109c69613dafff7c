package tag

// Answers tags sentences, each of which is its words, as Tag does; full asks for all that Answer says of each.
//
// Errors: those of Tag and Answer.
func (m *Model) Answers(sentences [][]string, full bool) (all []Answer, err error) {
	if !full {
		tags, err := m.Tag(sentences)
		for _, s := range tags {
			all = append(all, Answer{Tags: s})
		}
		return all, err
	}
	for _, s := range sentences {
		a, err := m.Answer(s)
		if err != nil {
			return nil, err
		}
		all = append(all, *a)
	}
	return all, nil
}

// A Report is an answer as JSON has it: a line of energo tag --json, a sentence of what a server sends.
type Report struct {
	Words         []string             `json:"words,omitzero"`
	Offsets       [][2]int             `json:"offsets,omitempty"` // of the words in the text: the first character and the one behind the last
	Tags          []string             `json:"tags"`
	Probabilities []float64            `json:"probabilities,omitempty"`
	Marginals     []map[string]float64 `json:"marginals,omitempty"` // of all tags
}

// Report reports an answer to words, which are nil where the items are attributes, with the probabilities of its tags and with those of all tags.
func (m *Model) Report(words []string, a *Answer, probabilities, marginals bool) Report {
	r := Report{Words: words, Tags: append([]string{}, a.Tags...)}
	if probabilities {
		r.Probabilities = a.Shares
	}
	if !marginals {
		return r
	}
	names := m.Lexicon().Tags()
	for _, shares := range a.All {
		of := map[string]float64{}
		for y, p := range shares {
			of[names[y]] = p
		}
		r.Marginals = append(r.Marginals, of)
	}
	return r
}
