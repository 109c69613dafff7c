package cli

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/spf13/cobra"
)

// columns tags the words of text in columns, one file or stdin, and writes it with the tags.
func (f *tagFlags) columns(cmd *cobra.Command, tagger *tag.Model, files []string) error {
	if f.json && !f.remembered || f.tokens || f.text {
		return errors.New("--json, --tokens and --text have no effect with --column: a file in columns is written again")
	}
	in, name, err := opened(cmd, files)
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := data.ReadColumns(in)
	if err == nil && f.remembered && text.Columns() == 1 {
		f.column, f.word = data.AddedColumn, "" // words alone
	}
	if err == nil {
		err = text.SetWord(f.word)
	}
	var b bytes.Buffer
	switch {
	case err != nil:
	case f.json:
		err = f.objects(&b, tagger, text.Words())
	default:
		err = f.tagColumns(&b, tagger, text)
	}
	switch {
	case err != nil && f.remembered:
		return fmt.Errorf("%s: %w; the run was trained on text in columns: --column names another, and --text says that it is plain text", name, err)
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	return f.put(cmd, b.Bytes())
}

func (f *tagFlags) tagColumns(b *bytes.Buffer, tagger *tag.Model, text *data.ColumnText) error {
	var tags [][]string
	var notes [][][]string
	for part := range slices.Chunk(text.Words(), tagLines) {
		all, err := f.answers(tagger, part)
		if err != nil {
			return err
		}
		for i := range all {
			tags = append(tags, all[i].Tags)
			if f.marginals || f.all {
				notes = append(notes, f.notes(&all[i], tagger.Lexicon().Tags(), text.CoNLLU()))
			}
		}
	}
	return text.Tagged(b, f.column, tags, notes)
}

// objects writes a JSON object for each sentence.
func (f *tagFlags) objects(b *bytes.Buffer, tagger *tag.Model, sentences [][]string) error {
	for part := range slices.Chunk(sentences, tagLines) {
		all, err := f.answers(tagger, part)
		if err != nil {
			return err
		}
		for i, words := range part {
			if err := f.object(b, tagger, words, &all[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// notes are the probabilities of each word's tags, as columns or entries of CoNLL-U's column misc have them.
func (f *tagFlags) notes(a *tag.Answer, names []string, conllu bool) [][]string {
	all := make([][]string, len(a.Tags))
	for i := range all {
		if f.marginals {
			note := fmt.Sprintf("%.4f", a.Shares[i])
			if conllu {
				note = "Prob=" + note
			}
			all[i] = append(all[i], note)
		}
		if !f.all {
			continue
		}
		form := "%s:%.4f"
		if conllu {
			form = "Prob:%s=%.4f"
		}
		for y, p := range a.All[i] {
			all[i] = append(all[i], fmt.Sprintf(form, names[y], p))
		}
	}
	return all
}

// attributes tags a file of CRFsuite.
func (f *tagFlags) attributes(cmd *cobra.Command, tagger *tag.Model, files []string) error {
	switch {
	case f.tokens || f.text || f.column != "" || f.word != "":
		return errors.New("--tokens, --text, --column and --word have no effect: the run was trained on files of CRFsuite, and tags such files")
	case f.out != "" && (f.json || f.marginals || f.all):
		return errors.New("--json, --marginals and --marginals-all have no effect with --out, which writes the file again with other labels")
	}
	in, name, err := opened(cmd, files)
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := data.ReadAttributes(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var b bytes.Buffer
	var labels [][]string
	for _, s := range text.Sequences {
		all, err := f.answers(tagger, [][]string{s.Words})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		labels = append(labels, all[0].Tags)
		if err := f.sequence(&b, tagger, &all[0]); err != nil {
			return err
		}
	}
	if f.out != "" {
		b.Reset()
		if err := text.Labelled(&b, labels); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return f.put(cmd, b.Bytes())
}

// sequence writes the labels of a sequence as CRFsuite does.
func (f *tagFlags) sequence(b *bytes.Buffer, t *tag.Model, a *tag.Answer) error {
	if f.json {
		return f.object(b, t, nil, a)
	}
	names := t.Lexicon().Tags()
	for i, label := range a.Tags {
		b.WriteString(label)
		if f.marginals {
			fmt.Fprintf(b, ":%.6f", a.Shares[i])
		}
		if f.all {
			for y, p := range a.All[i] {
				fmt.Fprintf(b, "\t%s:%.6f", names[y], p)
			}
		}
		b.WriteByte('\n')
	}
	return b.WriteByte('\n')
}

// put writes what came out to --out, or to stdout.
func (f *tagFlags) put(cmd *cobra.Command, text []byte) error {
	if f.out != "" {
		return wholefile.Write(f.out, text)
	}
	_, err := cmd.OutOrStdout().Write(text)
	return err
}
