package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/text"
	"github.com/spf13/cobra"
)

type aligning struct {
	*read.Emitter
	listener
	out      io.Writer
	json     bool
	coarse   bool // times of the emissions alone
	many     bool
	least    float64 // the confidence and likelihood that words must have; 0 for any
	outs     outs
	speller  *text.Normaliser
	unknown  string  // what becomes of characters that no token spells
	from, to float64 // of pictures
	truth    map[string][]audio.Interval
	errors   ctc.TimeError
	journal  *journal // nil: what is done is not noted
}

func newAlign() *cobra.Command {
	a := &aligning{}
	var manifest, truth, textFile, star, level string
	var flags listenFlags
	var resume bool
	cmd := &cobra.Command{
		Use: "align RUN FILE [TEXT...]", Short: "Find when the words of a text are said in a recording",
		Long: `Finds the likeliest way in which a recording says a text, and when each word and token of it begins and ends
(forced alignment). The confidence is the probability of being at this word in its frames, given the text. A word * stands for
anything that the text leaves out. Without a text, what the model reads is aligned. Strips of handwriting are aligned
alike, in pixels; and so are recordings and lines of text by an ONNX model, and another system's emissions, with a file of tokens in the run's place (see energo
transcribe --help).

A text is spelled by the tokens, in all ways that they allow or in the one of a --tokenizer, and its own words are shown with their times. --normalise says how: none takes Unicode's
forms of characters to the tokens'; basic also takes letters to their case, and leaves punctuation and accents out that they do not have; en, de, fr and es also spell numbers, ordinals,
amounts, times of day, signs and abbreviations: "Dr. Smith's 3 €" is aligned as "doctor smith's three euros". --unknown says
what becomes of a character that the tokens still do not spell: error names it by its line and word, skip leaves it out of the spelling
alone, wildcard has its word stand for anything.

The emissions of a run of speech have the beginnings of words late, by a tenth of a second or so. With the run's
model of times, times.safetensors, they are found to about a hundredth; --coarse leaves that out.

--out writes files by the end of their names: .json, .csv, .ctm, .TextGrid (Praat), the subtitles .srt, .vtt and .ass
(words marked for karaoke), and .png or .svg for a picture: the spectrogram, the alignment under it, and the posteriors.
A % in the name is the aligned file's own name, with its folders below the one that all files lie in.

The file - is a recording from standard input; --channel each aligns every channel by itself.

--manifest aligns the files and texts of a manifest (see energo train speech --help); with --truth, a CSV file of path, word, start and end, the
times' errors are told.

A --manifest that is interrupted, or killed, is taken up again by the same command with --resume: files that are written whole are not done again, and in the end all is as
if there had been no interruption. For this, a small file beside the files of --out, such as aligned/.all.TextGrid.resume, has what was done and how. Recordings that are newer or of another text since then,
and those whose files were changed, are done again; other flags or another model are refused.

With --star sentences a * may stand before and after each sentence, where something is said that is not in the text; it is shown where
that is likelier. Sentences end with their line, or with a word that ends in . ! ? or …

A word that is not said is put somewhere all the same. Its likelihood is low there: the geometric mean of what the model gives its tokens in their
frames. A text of which that holds for half of the words or more is warned of. --min-confidence names each word whose likelihood or confidence is
below a number.

Exit status 1 if a file could not be aligned, or has words below --min-confidence.`,
		Example: `  energo align runs/speech-1 recording.wav "one two three"
  energo align runs/speech-1 recording.wav --text transcript.txt --out recording.TextGrid --out recording.png
  energo align runs/speech-1 meeting.wav "* nine *"
  energo align runs/speech-1 talk.wav --text talk.txt --normalise en --unknown skip --keep-lines --out talk.srt
  energo align net.onnx recording.wav "one two three" --out recording.TextGrid
  energo align runs/speech-1 --manifest corpus/heard.csv --truth corpus/times.csv --out 'aligned/%.TextGrid'`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usagef("energo align: the run's folder is missing")
			case len(args) == 1 && manifest == "":
				return usagef("energo align: which file? Name it, or a --manifest")
			case len(args) > 1 && manifest != "":
				return usagef("energo align: name a file or a --manifest, not both")
			case len(args) > 2 && textFile != "":
				return usagef("energo align: give the text or a file of it (--text), not both")
			case len(args) > 1 && args[1] == "-" && textFile == "-":
				return usagef("energo align: standard input is the recording; the text must be a file or words")
			}
			hasText := len(args) > 2 || textFile != "" || manifest != ""
			const noText = "there is no text: what the model reads is aligned"
			return refuseVoid(cmd, []rule{
				{"normalise", hasText, noText},
				{"unknown", hasText, noText},
				{"keep-lines", hasText, noText},
				{"resume", manifest != "", "it is for the files of a --manifest"},
				{"truth", manifest != "", "it is for the files of a --manifest"},
				{"text", manifest == "", "a --manifest has the texts"},
				{"star", hasText, noText},
				{"tokenizer", hasText, noText},
			})
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if a.Emitter, err = listen(args[0], flags, firstFile(args[1:min(2, len(args))], manifest), cmd.InOrStdin()); err != nil {
				return err
			}
			if err := refuseVoid(cmd, a.rules()); err != nil {
				return err
			}
			if err := flags.tokenize(a.Emitter); err != nil {
				return err
			}
			if a.speller, err = speller(level, a.unknown, a.Spellable()); err != nil {
				return err
			}
			if truth != "" {
				if a.truth, err = audio.Times(truth); err != nil {
					return err
				}
			}
			if cmd.Flags().Changed("min-confidence") && !(a.least > 0 && a.least <= 1) {
				return usagef("--min-confidence is %v; it must be above 0 and at most 1", a.least)
			}
			if a.Stars = star == "sentences"; !a.Stars && star != "none" {
				return usagef("--star is %q; it must be none or sentences", star)
			}
			if a.listener, err = flags.listener(cmd); err != nil {
				return err
			}
			a.out, a.many = cmd.OutOrStdout(), manifest != "" || a.Channels == audio.Each
			if err := a.checkOuts(); err != nil {
				return err
			}
			files, err := spokenFiles(args[1:min(2, len(args))], manifest)
			if err != nil {
				return err
			}
			if err := a.outs.plan(files, a.Channels == audio.Each); err != nil {
				return err
			}
			if manifest == "" {
				if files[0].text, err = textToAlign(args[2:], textFile, cmd.InOrStdin()); err != nil {
					return err
				}
				return errors.Join(a.file(files[0]), a.finish())
			}
			c := newCorpus(cmd, files, a.json)
			if err := c.open(cmd, args[0], a.Emitter, a.outs.names, resume); err != nil {
				return err
			}
			a.journal, a.out, a.warn = c.journal, c.out, c.warn
			return c.run(a.file, a.again, a.finish)
		},
	}
	f := cmd.Flags()
	f.StringVar(&textFile, "text", "", "`file` of the text; - is stdin")
	a.outs.add(f, ", .png or .svg")
	f.BoolVar(&a.outs.rules.KeepLines, "keep-lines", false, "end a subtitle with each line of the text")
	f.StringVar(&level, "normalise", text.Basic, "how the text is taken to the tokens: `LEVEL` "+strings.Join(text.Levels(), ", "))
	f.StringVar(&a.unknown, "unknown", string(text.Refuse), "what becomes of characters that no token spells: `POLICY` error, skip, wildcard")
	f.Float64Var(&a.from, "from", 0, "where pictures begin")
	f.Float64Var(&a.to, "to", 0, "where pictures end; 0 is the end of the file")
	f.Float64Var(&a.least, "min-confidence", 0, "the likelihood and confidence that each word must have, from 0 to 1; else the exit status is 1")
	f.StringVar(&star, "star", "none", "where a * may stand, or not, beside those of the text: none, or sentences")
	f.BoolVar(&a.coarse, "coarse", false, "take the times of the model's emissions, without the run's model of times")
	f.StringVar(&manifest, "manifest", "", "manifest, a `file` or folder of recordings and texts to align")
	f.StringVar(&truth, "truth", "", "CSV `file` of path, word, start and end: measure the errors of the times")
	flags.add(f)
	f.BoolVar(&resume, "resume", false, resumeUse)
	f.BoolVar(&a.json, "json", false, "print a JSON object a line for each file")
	return cmd
}

// speller makes the normaliser of a level for tokens, or for texts that are compared.
func speller(level, unknown string, tokens []string) (*text.Normaliser, error) {
	n, err := text.New(level, tokens)
	if err != nil {
		return nil, usagef("--normalise is %q; it must be one of %s", level, strings.Join(text.Levels(), ", "))
	}
	n.Unknown = text.Unknown(unknown)
	if !slices.Contains([]text.Unknown{text.Refuse, text.Skip, text.Wildcard}, n.Unknown) {
		return nil, usagef("--unknown is %q; it must be error, skip or wildcard", unknown)
	}
	return n, nil
}

// rules says which flags count.
func (a *aligning) rules() []rule {
	const pictures = "it is of pictures, .png or .svg (--out)"
	drawn := slices.ContainsFunc(a.outs.names, isPicture)
	return append(slices.Concat(listenRules(a.Emitter), a.outs.void()), []rule{
		{"keep-lines", a.outs.subtitles(), ofSubtitles},
		{"resume", len(a.outs.names) > 0, noFiles},
		{"coarse", a.Reader != nil && a.Reader.Refines(), "there is no model of times"},
		{"from", drawn, pictures},
		{"to", drawn, pictures},
	}...)
}

// maxText bounds a file of text to align, in bytes.
const maxText = 1 << 26

// textToAlign returns the text that was given; nil for none.
func textToAlign(words []string, file string, stdin io.Reader) (text *string, err error) {
	all := strings.Join(words, " ")
	if file == "" {
		if len(words) == 0 {
			return nil, nil
		}
		return &all, nil
	}
	var data []byte
	if file == "-" {
		if data, err = plaintext.ReadAll(stdin, maxText); err != nil {
			err = fmt.Errorf("standard input: %w", err)
		}
	} else {
		data, err = plaintext.ReadFile(file, maxText)
	}
	all = string(data)
	return &all, err
}

// checkOuts refuses names that files can't have, before anything is done.
func (a *aligning) checkOuts() error {
	if err := a.outs.check(a.Unit, true); err != nil {
		return err
	}
	if !(a.from >= 0 && (a.to == 0 || a.to > a.from)) || math.IsInf(a.to, 0) {
		return usagef("--from is %v and --to %v; they must be from 0 on, and --to the greater", a.from, a.to)
	}
	return nil
}

// file aligns one file, and all recordings of one of emissions.
func (a *aligning) file(f spokenFile) error {
	return a.each(a.Emitter, f, a.heard)
}

// heard aligns a recording, or one channel of it.
func (a *aligning) heard(f heard) error {
	a.many = a.many || f.several
	x, err := f.emissions(a.Emitter)
	if err != nil {
		return err
	}
	t, err := a.align(f, x)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	for i, w := range t.Words {
		t.Words[i].Doubted = w.Doubtful(cmp.Or(a.least, unlikely))
	}
	draw := func(path string) error { return report.WriteAlignment(path, a.picture(t, x), a.from, a.to) }
	wrote, err := a.outs.write(f, t, draw)
	if err != nil {
		return err
	}
	if err := a.journal.note(f, t, nil, wrote); err != nil {
		return err
	}
	return a.tell(f, t)
}

// again says what was said of a recording that is aligned already.
func (a *aligning) again(f spokenFile, w wasHeard) error {
	h := w.of(f)
	a.many = a.many || h.several
	a.outs.again(h, w.Timeline)
	if a.truth != nil {
		words, err := a.speller.Words(*f.text)
		if err != nil {
			return err
		}
		if err := a.compare(h.path, w.Timeline, words); err != nil {
			return err
		}
	}
	return a.tell(h, w.Timeline)
}

// tell says how a recording is aligned.
func (a *aligning) tell(f heard, t *ctc.Timeline) error {
	if err := a.show(t); err != nil {
		return err
	}
	return a.doubt(t, f.text != nil)
}

// Of a text that is hardly in the recording, half of the words or more have a likelihood or confidence below unlikely.
const unlikely = 0.02

// doubtful is the error of an alignment that is whole, of words that are hardly said.
type doubtful string

func (d doubtful) Error() string { return string(d) }

// doubt names words that are hardly in the recording.
func (a *aligning) doubt(t *ctc.Timeline, text bool) error {
	words := 0
	var below []ctc.Timed
	for _, w := range t.Words {
		if w.Wildcard() || w.Unsaid {
			continue
		}
		words++
		if w.Doubted {
			below = append(below, w)
		}
	}
	if len(below) == 0 || a.least == 0 && (!text || 2*len(below) < words) {
		return nil
	}
	w := below[0]
	message := fmt.Sprintf("%s: %s, %d of them with a likelihood or confidence below %v: perhaps not said. The first is %q, put at %.2f to %.2f with a likelihood of %.2g and a confidence of %.2g",
		t.File, counted(words, "word", "words"), len(below), cmp.Or(a.least, unlikely), excerpt.Of(w.Text), w.Start, w.End, w.Likelihood, w.Confidence)
	if a.least > 0 {
		return doubtful(message)
	}
	_, err := fmt.Fprintf(a.warn, "energo: %s\n", message)
	return err
}

// align finds when the words of a file's text are said, or those that the model reads.
func (a *aligning) align(f heard, x read.Emissions) (*ctc.Timeline, error) {
	var words []text.Word
	spelling := f.text
	if f.text != nil {
		var err error
		if words, err = a.speller.Words(*f.text); err != nil {
			return nil, err
		}
		spelling = new(a.spelling(words))
	}
	t, err := a.Align(x, spelling, !a.coarse)
	if err != nil {
		return nil, err
	}
	if f.text != nil {
		if t.Words, err = text.Times(t.Tokens, words); err != nil {
			return nil, err
		}
	}
	if a.truth != nil {
		err = a.compare(f.path, t, words)
	}
	t.File = f.name
	return t, err
}

// spelling is the spelling of words, of which each sentence has a line of its own where a * may stand between them.
func (a *aligning) spelling(words []text.Word) string {
	if !a.Stars {
		return a.speller.Spelling(words)
	}
	var lines []string
	lo := 0
	for i, w := range words {
		if i+1 < len(words) && words[i+1].Line == w.Line && !read.EndsSentence(w.Text) {
			continue
		}
		if s := a.speller.Spelling(words[lo : i+1]); s != "" {
			lines = append(lines, s)
		}
		lo = i + 1
	}
	return strings.Join(lines, "\n")
}
