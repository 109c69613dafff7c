// Package timedtext writes what is said and when, a ctc.Timeline, to files: JSON, CSV, NIST's CTM, Praat's TextGrid, and
// subtitles as SubRip (.srt), WebVTT (.vtt) and Advanced SubStation Alpha with karaoke marks (.ass).
//
// Subtitles keep rules of their trade ([Rules]): how much stands on a line and in a cue, how long a cue is seen, and where
// it may be cut. Scripts that have no spaces between words are cut between characters, by the rules that East Asian
// typesetting has for them.
package timedtext
