package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/text"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// decodeFlags say how emissions become text.
type decodeFlags struct {
	beam      int
	threshold float64
	topTokens int
	delay     float64
	lm        []string
	lmWeight  []float64
	unknown   float64
	wordBonus float64
	lexicon   string
	hot       []string
	hotFiles  []string
	hotBoost  float64
	best      int
}

func (d *decodeFlags) add(f *pflag.FlagSet) {
	f.IntVar(&d.beam, "beam", 0, "prefixes kept by the beam search; 0 takes the best class of each frame, unless one of the flags below asks for a search (then 64)")
	f.Float64Var(&d.threshold, "threshold", 0, "drop prefixes whose total is more than this many nats below the best one's; 0 drops none")
	f.IntVar(&d.topTokens, "top-tokens", 0, "number of tokens of a frame, the likeliest, that begin new prefixes; 0 is all")
	f.Float64Var(&d.delay, "delay", 0, "seconds after which the search settles what the best prefix has; 0 is never")
	f.StringArrayVar(&d.lm, "lm", nil, "`file` of a language model of words, ARPA or KenLM's binary (energo lm train makes one); may be given up to four times")
	f.Float64SliceVar(&d.lmWeight, "lm-weight", []float64{0.5}, "weight of the language model: one for all, or one for each with commas between")
	f.Float64Var(&d.unknown, "unk", ctc.DefaultUnknown, "nats for each word that no language model has (natural logarithms, not multiplied with --lm-weight); below 0 such words are rarer")
	f.Float64Var(&d.wordBonus, "word-bonus", 0, "nats for each word")
	f.StringVar(&d.lexicon, "lexicon", "", "`file` of the only words there may be, one a line, or a word and the tokens that spell it")
	f.StringArrayVar(&d.hot, "hot", nil, "`word` or phrase that is likelier here; may be given again, and end in =NATS")
	f.StringArrayVar(&d.hotFiles, "hot-file", nil, "`file` of hot words, a word or phrase a line, perhaps with a tab and its nats; may be given again")
	f.Float64Var(&d.hotBoost, "hot-boost", 3, "nats for a hot word without its own")
	f.IntVar(&d.best, "best", 1, "hypotheses shown")
}

// searches reports whether the best class of each frame is not enough.
func (d *decodeFlags) searches() bool {
	return d.beam > 0 || len(d.lm) > 0 || d.lexicon != "" || len(d.hot) > 0 || len(d.hotFiles) > 0 || d.best > 1
}

// hotRules says whether the boost of hot words counts.
func (d *decodeFlags) hotRules() []rule {
	plain := func(h string) bool { return !strings.Contains(h, "=") }
	return []rule{{"hot-boost", len(d.hotFiles) > 0 || slices.ContainsFunc(d.hot, plain), "no word is hot (--hot) without a boost of its own"}}
}

// decoder makes the search that the flags ask for; times are those of its hypotheses.
func (d *decodeFlags) decoder(e *read.Emitter, times bool) (*ctc.Decoder, error) {
	if !(d.delay >= 0 && d.delay/e.Frame < math.MaxInt32) {
		return nil, usagef("--delay is %v; it must be from 0 on", d.delay)
	}
	b := e.Beam()
	b.Width, b.Threshold, b.TopTokens, b.Best, b.WordBonus = d.beam, d.threshold, d.topTokens, d.best, d.wordBonus
	b.Delay, b.Times = int(math.Ceil(d.delay/e.Frame)), times
	if d.best > 1 {
		b.Best = math.MaxInt32 // of which some have the same words
	}
	if err := d.models(&b); err != nil {
		return nil, err
	}
	if d.lexicon != "" {
		if err := readLexicon(&b, d.lexicon); err != nil {
			return nil, err
		}
		if b.Spellings != nil && e.Tokenize != nil {
			return nil, usagef("--tokenizer spells the words of a lexicon, and %s has spellings of its own; leave one of them out", d.lexicon)
		}
	}
	words, err := d.hotWords()
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		tokens, err := e.Spell(w.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.from, err)
		}
		b.Hot = append(b.Hot, ctc.HotWord{Tokens: tokens, Boost: w.boost})
	}
	if e.Separator != "" && (b.Lexicon != nil || b.Hot != nil) {
		b.Tokenize = e.Tokenize
	}
	dec, err := ctc.NewDecoder(b)
	if err != nil {
		return nil, usageError{err}
	}
	return dec, nil
}

// A transcript is what a file was read as: a line of --json.
type transcript struct {
	File      string       `json:"file"`
	Name      string       `json:"name,omitempty"`    // of the utterance, where the manifest has one
	Channel   int          `json:"channel,omitempty"` // that was read, where that is one of several
	Text      string       `json:"text"`
	Reference *string      `json:"reference,omitempty"`
	Best      []hypothesis `json:"best"`
}

type hypothesis struct {
	Text     string         `json:"text"`
	Acoustic measure.Number `json:"acoustic"`       // logarithms
	LM       measure.Number `json:"lm"`             // −Inf for words that cannot be
	More     measure.Number `json:"more,omitempty"` // of further language models, weighted
	Words    int            `json:"words"`
	Unknown  int            `json:"unknown,omitempty"` // of the words, those that no language model has
	Boost    float64        `json:"boost"`
	Total    measure.Number `json:"total"`
	Times    []ctc.Timed    `json:"times,omitempty"` // of the words
}

type transcribing struct {
	decodeFlags
	read.Transcriber
	listener
	out    io.Writer
	json   bool
	stream bool
	chunk  float64
	named  bool // print the files' names
	times  bool // of words, with --json
	outs   outs
	alike  *text.Normaliser // of texts that are compared
	edits  bool
	words  ctc.ErrorCount
	chars  ctc.ErrorCount

	journal *journal // nil: what is done is not noted
}

func newTranscribe() *cobra.Command {
	t := &transcribing{}
	var manifest, level string
	var from listenFlags
	var there speechServer
	var resume bool
	cmd := &cobra.Command{
		Use: "transcribe RUN [FILE...]", Short: "Read recordings or lines of text with a trained recogniser",
		Long: `Writes what files say: recordings (WAV, FLAC, MP3, Ogg Vorbis and Opus, AIFF, AU, at any rate), with a run of train speech; pictures (PNG, JPEG, GIF, WebP, BMP, TIFF) of strips, with a run of
train strips. Instead of the run's folder it takes an ONNX model that was trained by CTC, net.onnx, of recordings or of pictures of lines, with a card
net.energo.yaml beside it of what the file does not say (docs/onnx.md has its keys); or a file of tokens, of any of the systems that energo tokens lists: it shows what
the file means, and --blank and --separator say otherwise. The files are then emissions that another system made: frames × classes as .npy, .npz, .safetensors, .pt or JSON lines, of
log-probabilities, --logits or --probs, each frame of which must add up to 1; - is the input. Of a file of several recordings, batch.npy, all are read; batch[0].npy is the first.

Without further flags each frame's best class counts. A beam search sums over alignments; language models, a lexicon and hot words
steer it. A word that no language model has is unlikely, not impossible: it costs 10 nats beside its probability as <unk>; --unk makes that more or less. A line of a lexicon is a word or, as flashlight has them, a word
and the tokens that spell it, as often as it has spellings. Hot words and words of a lexicon count however tokens spell them; with --tokenizer, as it spells them. Texts may be gzipped, in UTF-8 or UTF-16. Spaces at the ends of a text and doubled ones are left out; of
hypotheses that are then alike, only the best is shown. --manifest reads the files that a manifest names (see energo train speech --help) and counts errors
against its texts; --normalise en, de, fr or es makes both alike before, in small letters, without punctuation and with numbers spelled. A recording that is cut off is read up to there, with a warning. The file - is a recording from standard input, such as what ffmpeg
makes of other formats; --channel each reads every channel by itself. --stream reads recordings in chunks, as they would come from a microphone, and shows after each what
will not change any more, and in brackets what may; the result is that of the whole recording. With --delay, doubts
older than that are settled, so that there is always something that will not change.

--out writes when the words are said, by the end of the files' names: the subtitles .srt, .vtt and .ass (words marked for
karaoke), .TextGrid (Praat), .ctm, .csv or .json. --resume takes several files up again where an interrupted or killed command has left them (energo align --help). The times are those of the likeliest alignment of the text that was read, by any search. A %
in the name is the name of the file that is read, with its folders below the one that all files lie in.

With --server there is no RUN: recordings are sent to a server that energo serve runs, as they are, and what it reads is printed. Hot words go with them.

Exit status 1 if a file could not be read, or no text fits it.`,
		Example: `  energo transcribe runs/speech-1 recording.wav
  energo transcribe runs/speech-1 --lm digits.arpa --hot nine=2 *.wav --json
  energo transcribe tokens.txt emissions.npy --lm general.bin --lm domain.arpa --lm-weight 0.5,0.3 --hot-file names.txt
  energo transcribe runs/speech-1 --manifest corpus/test.csv --edits
  energo transcribe net.onnx recording.wav --lm digits.arpa
  ffmpeg -i talk.m4a -f wav - | energo transcribe runs/speech-1 -
  energo transcribe runs/speech-1 call.wav --channel each
  energo transcribe net.onnx lines/*.png --beam 16
  energo transcribe tokens.txt emissions.npy --beam 100
  energo transcribe vocab.json emissions.npy --logits --lm words.arpa
  energo transcribe tokens.txt batch.npz --probs --lengths lengths.npy --blank none+1
  energo transcribe runs/speech-1 talks/*/*.wav --lm english.arpa --out 'subtitles/%.vtt'
  energo transcribe --server https://models.example.org --token-file token recording.wav`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case there.server != "" && len(args) == 0:
				return usagef("energo transcribe: which files? Name them")
			case there.server != "":
			case len(args) == 0:
				return usagef("energo transcribe: the run's folder is missing")
			case len(args) == 1 && manifest == "":
				return usagef("energo transcribe: which files? Name them, or a --manifest")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			err := there.check(cmd)
			if err != nil {
				return err
			}
			if there.server != "" {
				return t.onServer(cmd, &there, from, args)
			}
			if t.Emitter, err = listen(args[0], from, firstFile(args[1:], manifest), cmd.InOrStdin()); err != nil {
				return err
			}
			if !(t.chunk > 0) {
				return usagef("--chunk is %v; it must be above 0", t.chunk)
			}
			if t.alike, err = speller(level, string(text.Refuse), nil); err != nil {
				return err
			}
			if err := refuseVoid(cmd, t.rules(manifest)); err != nil {
				return err
			}
			if err := from.tokenize(t.Emitter); err != nil {
				return err
			}
			if t.stream && (t.Reader == nil || t.Reader.Features() == nil) {
				return usagef("--stream is for recordings, with a run of speech: how far an ONNX model looks ahead is not known, so it reads whole recordings")
			}
			if err := t.outs.check(t.Unit, false); err != nil {
				return err
			}
			if t.searches() {
				if t.Search, err = t.decoder(t.Emitter, t.stream && t.timed()); err != nil {
					return err
				}
			}
			if t.listener, err = from.listener(cmd); err != nil {
				return err
			}
			t.named = len(args) > 2 || manifest != "" || t.Channels == audio.Each
			return t.all(cmd, args, manifest, resume)
		},
	}
	f := cmd.Flags()
	t.add(f)
	f.StringVar(&manifest, "manifest", "", "manifest, a `file` or folder of recordings and texts, to read and to count errors against")
	f.StringVar(&level, "normalise", text.None, "with --manifest, count errors of texts made alike: `LEVEL` "+strings.Join(text.Levels(), ", ")+" (energo align --help)")
	f.BoolVar(&t.edits, "edits", false, "with --manifest, show the errors of each file")
	f.BoolVar(&t.stream, "stream", false, "read recordings in chunks and show what is settled after each")
	f.Float64Var(&t.chunk, "chunk", 0.5, "seconds of a chunk")
	there.add(f)
	t.outs.add(f, "")
	f.BoolVar(&t.times, "times", false, "with --json, show when the words of each hypothesis are said")
	from.add(f)
	f.BoolVar(&resume, "resume", false, resumeUse)
	f.BoolVar(&t.json, "json", false, "print a JSON object a line for each file")
	return cmd
}

// rules says which flags count.
func (t *transcribing) rules(manifest string) []rule {
	const beam = "without a beam search, the best class of each frame counts; --beam asks for one"
	searches := t.searches()
	return append(slices.Concat(listenRules(t.Emitter), t.outs.void(), t.hotRules()), []rule{
		{"frame", t.delay > 0 || t.timed(), "without --delay, --out and --times, times do not matter"},
		{"resume", len(t.outs.names) > 0, noFiles},
		{"resume", !t.stream, "--stream shows recordings as they are read"},
		{"times", t.json, "without --json, texts alone are shown; --out writes files of times"},
		{"threshold", searches, beam},
		{"top-tokens", searches, beam},
		{"delay", searches, beam},
		{"word-bonus", searches, beam},
		{"lm-weight", len(t.lm) > 0, "there is no language model (--lm)"},
		{"unk", len(t.lm) > 0, "there is no language model (--lm) that words are unknown to"},
		{"normalise", manifest != "", "errors are counted against the texts of a --manifest"},
		{"tokenizer", t.lexicon != "" || len(t.hot) > 0 || len(t.hotFiles) > 0, "it spells the words of --lexicon and --hot, of which there are none"},
		{"edits", manifest != "", "errors are counted against the texts of a --manifest"},
		{"edits", !t.json, "--json shows texts and references alone"},
		{"chunk", t.stream, "recordings are read in chunks with --stream alone"},
	}...)
}

// all reads files, and those of a manifest.
func (t *transcribing) all(cmd *cobra.Command, args []string, manifest string, resume bool) error {
	files, err := spokenFiles(args[1:], manifest)
	if err != nil {
		return err
	}
	if err := t.outs.plan(files, t.Channels == audio.Each); err != nil {
		return err
	}
	c := newCorpus(cmd, files, t.json)
	if !t.stream {
		if err := c.open(cmd, args[0], t.Emitter, t.outs.names, resume); err != nil {
			return err
		}
	}
	t.journal, t.out, t.warn = c.journal, c.out, c.warn
	return c.run(t.file, t.again, func() error {
		err := t.outs.finish()
		if manifest != "" {
			err = errors.Join(t.rates(), err)
		}
		return err
	})
}

// timed reports whether it matters when something is said.
func (t *transcribing) timed() bool { return t.times || len(t.outs.names) > 0 }

// file reads one file, and all recordings of one of emissions.
func (t *transcribing) file(f spokenFile) error {
	return t.each(t.Emitter, f, t.heard)
}

// heard reads a recording, or one channel of it.
func (t *transcribing) heard(f heard) error {
	t.named = t.named || f.several
	best, x, err := t.hypotheses(f)
	if err != nil {
		return err
	}
	one := transcript{File: f.path, Channel: f.channel(), Best: []hypothesis{}}
	if f.part != nil {
		one.Name = f.part.Name
	}
	var first *ctc.Timeline
	for _, h := range best {
		text := t.Spaced(t.Text(h.Tokens))
		if len(one.Best) == max(t.best, 1) || slices.ContainsFunc(one.Best, func(b hypothesis) bool { return b.Text == text }) {
			continue
		}
		shown := hypothesis{text, measure.Number(h.Acoustic), measure.Number(h.LM), measure.Number(h.More), h.Words, h.Unknown, h.Boost, measure.Number(h.Total), nil}
		if t.times || first == nil && t.timed() {
			line, err := t.timeline(f.name, x, h)
			if err != nil {
				return err
			}
			if shown.Times = line.Words; !t.times {
				shown.Times = nil
			}
			if first == nil {
				first = line
			}
		}
		one.Best = append(one.Best, shown)
	}
	if len(one.Best) > 0 {
		one.Text = one.Best[0].Text
	}
	if t.timed() {
		if first == nil {
			first = &ctc.Timeline{File: f.name, Unit: t.Unit, Duration: x.Length}
		}
		wrote, err := t.outs.write(f, first, nil)
		if err == nil {
			err = t.journal.note(f, first, &one, wrote)
		}
		if err != nil {
			return err
		}
	}
	return t.show(f, one)
}

// again says what was said of a recording that is read already.
func (t *transcribing) again(f spokenFile, w wasHeard) error {
	h := w.of(f)
	t.named = t.named || h.several
	t.outs.again(h, w.Timeline)
	return t.show(h, *w.Transcript)
}

// show prints what a recording says.
func (t *transcribing) show(f heard, one transcript) (err error) {
	shown := false
	if f.text != nil {
		reference := t.Normal(*f.text)
		one.Reference = &reference
		if shown, err = t.count(f.name, reference, one.Text); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	switch {
	case t.json:
		return printJSON(t.out, one, true)
	case shown:
	case t.named:
		fmt.Fprintf(t.out, "%s: %s\n", f.name, one.Text)
	default:
		fmt.Fprintln(t.out, one.Text)
	}
	if t.best > 1 {
		for _, h := range one.Best {
			fmt.Fprintf(t.out, "  total %.3f  acoustic %.3f  language model %.3f  %s\n", h.Total, h.Acoustic, h.LM, h.Text)
		}
	}
	return nil
}

// hypotheses decodes a file. Of a stream, there are no emissions but what their frames are.
func (t *transcribing) hypotheses(f heard) (best []ctc.Hypothesis, x read.Emissions, err error) {
	if t.stream {
		best, x, err = t.streamed(f)
	} else {
		best, x, err = t.whole(f)
	}
	if errors.Is(err, ctc.ErrNoHypothesis) {
		err = fmt.Errorf("%s: %w", f.name, err)
	}
	return best, x, err
}

// whole decodes all of a file at once.
func (t *transcribing) whole(f heard) ([]ctc.Hypothesis, read.Emissions, error) {
	x, err := f.emissions(t.Emitter)
	if err != nil {
		return nil, x, err
	}
	best, err := t.Decode(x)
	if err != nil && t.Search == nil {
		err = fmt.Errorf("%s: %w", f.name, err)
	}
	return best, x, err
}

// timeline says when a hypothesis is said.
func (t *transcribing) timeline(name string, x read.Emissions, h ctc.Hypothesis) (*ctc.Timeline, error) {
	if t.stream {
		line := t.TimelineOfSpans(x, h)
		line.File = name
		return line, nil
	}
	line, err := t.Timeline(x, h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	line.File = name
	return line, nil
}

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
