package cli

import (
	"fmt"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/seq/ctc"
)

// count compares with a reference; it reports whether it has shown the text with its errors.
func (t *transcribing) count(path, reference, text string) (shown bool, err error) {
	if reference, err = t.alike.Plain(reference); err != nil {
		return false, fmt.Errorf("the reference: %w", err)
	}
	if text, err = t.alike.Plain(text); err != nil {
		return false, err
	}
	words := ctc.Edits(ctc.Words(reference), ctc.Words(text))
	t.words.Add(words)
	t.chars.Add(ctc.Edits(ctc.Characters(reference), ctc.Characters(text)))
	if !t.edits || t.json || reference == text {
		return false, nil
	}
	fmt.Fprintf(t.out, "%s:\n%s", path, ctc.RenderEdits(ctc.Words(reference), ctc.Words(text), words))
	return true, nil
}

// errorRates are the totals of a manifest.
type errorRates struct {
	Files              int            `json:"files"`
	Exact              measure.Number `json:"exact"`
	Words              int            `json:"words"`
	WordErrorRate      measure.Number `json:"word_error_rate"`
	Characters         int            `json:"characters"`
	CharacterErrorRate measure.Number `json:"character_error_rate"`
}

func (t *transcribing) rates() error {
	if t.words.Sequences == 0 {
		return nil
	}
	r := errorRates{
		t.words.Sequences, measure.Number(1 - t.chars.SequenceRate()), t.words.Length, measure.Number(t.words.Rate()), t.chars.Length, measure.Number(t.chars.Rate()),
	}
	if t.json {
		return printJSON(t.out, r, true)
	}
	w := t.words
	fmt.Fprintf(t.out, "\n%s, %s exactly right; word error rate %s of %d (%d substituted, %d inserted, %d deleted); character error rate %s of %d\n",
		counted(r.Files, "file", "files"), share(r.Exact), share(r.WordErrorRate), r.Words, w.Substitutions, w.Insertions, w.Deletions, share(r.CharacterErrorRate), r.Characters)
	return nil
}
