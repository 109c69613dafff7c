package timedtext

import (
	"fmt"
	"io"
	"strings"

	"github.com/energo-ml/energo/seq/ctc"
)

// writeCues writes subtitles.
func writeCues(w io.Writer, f Format, r Rules, t *ctc.Timeline) error {
	cues, err := Cues(t, r)
	if err != nil {
		return err
	}
	switch f {
	case SRT:
		for i, c := range cues {
			fmt.Fprintf(w, "%d\n%s --> %s\n%s\n\n", i+1, stamp(c.Start, ","), stamp(c.End, ","), strings.ReplaceAll(c.Text(), "-->", "→"))
		}
	case VTT:
		fmt.Fprint(w, "WEBVTT\n")
		for _, c := range cues {
			fmt.Fprintf(w, "\n%s --> %s\n%s\n", stamp(c.Start, "."), stamp(c.End, "."), vttText(c, r.WordTimes))
		}
	default:
		fmt.Fprint(w, assHead)
		for _, c := range cues {
			fmt.Fprintf(w, "Dialogue: 0,%s,%s,Default,,0,0,0,,%s\n", assStamp(centiseconds(c.Start)), assStamp(centiseconds(c.End)), assText(c))
		}
	}
	return nil
}

// stamp is a time of SubRip or WebVTT, which differ in the point.
func stamp(v float64, point string) string {
	ms := milliseconds(v)
	return fmt.Sprintf("%02d:%02d:%02d%s%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, point, ms%1000)
}

// vttEscape writes what WebVTT takes for marks.
var vttEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// vttText is a cue's text; with times, each word has its own where that lies within the cue and after the one before.
func vttText(c Cue, times bool) string {
	var lines []string
	last := milliseconds(c.Start)
	for _, words := range c.Lines {
		var line strings.Builder
		for i, x := range words {
			if i > 0 && !x.Joined {
				line.WriteByte(' ')
			}
			at := milliseconds(x.Start)
			if times && at > last && at < milliseconds(c.End) {
				fmt.Fprintf(&line, "<%s><c>%s</c>", stamp(x.Start, "."), vttEscape.Replace(x.Text))
				last = at
				continue
			}
			line.WriteString(vttEscape.Replace(x.Text))
		}
		lines = append(lines, line.String())
	}
	return strings.Join(lines, "\n")
}

// assHead is the head of a file of Advanced SubStation Alpha: the words are white when they are said, and grey before.
const assHead = `[Script Info]
ScriptType: v4.00+
WrapStyle: 2
ScaledBorderAndShadow: yes
PlayResX: 1280
PlayResY: 720

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,48,&H00FFFFFF,&H00A0A0A0,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,2,1,2,40,40,40,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
`

// assEscape writes what the format takes for marks: a word joiner keeps \ from being one, and braces, which not all players let stand
// in a text, are those of double width.
var assEscape = strings.NewReplacer("{", "｛", "}", "｝", `\`, "\\\u2060")

// assText is a cue's text, each word with its time in hundredths of a second, and so is what lies between.
func assText(c Cue) string {
	var b strings.Builder
	at := centiseconds(c.Start)
	for k, words := range c.Lines {
		for i, x := range words {
			switch {
			case i == 0 && k > 0:
				b.WriteString(`\N`)
			case i > 0 && !x.Joined:
				b.WriteByte(' ')
			}
			start := max(centiseconds(x.Start), at)
			end := max(centiseconds(x.End), start)
			if start > at {
				fmt.Fprintf(&b, `{\k%d}`, start-at)
			}
			fmt.Fprintf(&b, `{\k%d}%s`, end-start, assEscape.Replace(x.Text))
			at = end
		}
	}
	return b.String()
}

// centiseconds rounds a time to what the format has.
func centiseconds(v float64) int64 { return (milliseconds(v) + 5) / 10 }

func assStamp(cs int64) string {
	return fmt.Sprintf("%d:%02d:%02d.%02d", cs/360_000, cs/6000%60, cs/100%60, cs%100)
}
