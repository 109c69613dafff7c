package cli

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/text"
	"github.com/spf13/cobra"
)

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

With --server there is no RUN: recordings are sent to a server that energo serve runs, as they are, and what it reads is printed. --beam, --hot, --lm with its --lm-weight, and --channel go with
them; --lm is then the name of a language model that the server was started with, and --normalise says how hot words are spelled. --json prints what the server says, with --times also when words and segments are said.

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
  energo transcribe --server https://models.example.org --token-file token recording.wav --lm english --json --times`,
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
				return t.onServer(cmd, &there, from, level, args)
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
	f.StringVar(&level, "normalise", text.None, "with --manifest, count errors of texts made alike; with --server, how hot words are spelled: `LEVEL` "+strings.Join(text.Levels(), ", ")+" (energo align --help)")
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
