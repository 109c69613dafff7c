package tensorboard

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/energo-ml/energo/report"
)

// The hparams view reads messages behind the tags of these names.
const (
	hparamsPlugin = "hparams"
	experimentTag = "_hparams_/experiment"
	startTag      = "_hparams_/session_start_info"
	endTag        = "_hparams_/session_end_info"
)

// What the view calls how a run stands.
const (
	statusSuccess = 1
	statusFailure = 2
	statusRunning = 3
)

// plugin writes a message for the hparams view. Its tensor is empty.
func (t *Writer) plugin(at time.Time, tag string, content []byte) {
	const float = 1
	none := append(varint(1, float), message(2, message(2, nil))...) // of one dimension, which is 0
	data := append(stringField(1, hparamsPlugin), message(2, content)...)
	t.value(at, 0, tag, message(8, none), message(9, message(1, data)))
}

// session writes a run's settings and how it ended.
func (t *Writer) session(r *report.Run, name string) {
	var b []byte
	for _, s := range settings(r) {
		b = append(b, message(1, append(stringField(1, s.Key), message(2, plain(s.Value))...))...)
	}
	b = append(b, stringField(4, name)...)
	b = append(b, double(5, seconds(r.Began))...)
	t.plugin(r.Began, startTag, message(3, b))
	status := uint64(statusRunning)
	switch {
	case r.Result != nil:
		status = statusSuccess
	case r.Done != nil && r.Done.Reason == "diverged":
		status = statusFailure
	}
	t.plugin(r.Last, endTag, message(4, append(varint(1, status), double(2, seconds(r.Last))...)))
}

// settings are those of a run that an experiment can differ by, by their names.
func settings(r *report.Run) []report.Setting {
	all := slices.DeleteFunc(slices.Clone(r.Config), func(s report.Setting) bool { return s.Key == "format" })
	slices.SortFunc(all, func(a, b report.Setting) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// plain is a Value of protocol buffers: a number, a truth value or a text.
func plain(text string) []byte {
	if v, ok := number(text); ok {
		return chosenDouble(2, v)
	}
	if text == "true" || text == "false" {
		return chosenVarint(4, map[string]uint64{"true": 1}[text])
	}
	return stringField(3, text)
}

// number reads a number; texts that only a programmer takes for one, such as 0x1p4 or inf, are not numbers.
func number(text string) (float64, bool) {
	if strings.ContainsAny(text, "xXpP_nN") {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}

// experiment writes what settings and figures runs have.
func (t *Writer) experiment(runs []*report.Run, metrics []string) {
	values := map[string][]string{}
	var keys []string
	for _, r := range runs {
		for _, s := range settings(r) {
			if values[s.Key] == nil {
				keys = append(keys, s.Key)
			}
			if !slices.Contains(values[s.Key], s.Value) {
				values[s.Key] = append(values[s.Key], s.Value)
			}
		}
	}
	var b []byte
	for _, key := range keys {
		b = append(b, message(4, setting(key, values[key]))...)
	}
	for _, tag := range metrics {
		b = append(b, message(5, append(message(1, stringField(2, tag)), stringField(3, tag)...))...)
	}
	t.plugin(time.Time{}, experimentTag, message(2, b))
}

// setting describes one for the view: its kind and, of texts and truth values, which there are.
func setting(key string, values []string) []byte {
	const (
		isText   = 1
		isBool   = 2
		isNumber = 3
	)
	all := func(ok func(text string) bool) bool {
		return !slices.ContainsFunc(values, func(v string) bool { return !ok(v) })
	}
	b := stringField(1, key)
	switch {
	case all(func(text string) bool { _, ok := number(text); return ok }):
		return append(b, varint(4, isNumber)...)
	case all(func(text string) bool { return text == "true" || text == "false" }):
		b = append(b, varint(4, isBool)...)
	default:
		b = append(b, varint(4, isText)...)
	}
	var list []byte
	for _, v := range slices.Sorted(maps.Keys(set(values))) {
		list = append(list, message(1, plain(v))...)
	}
	return append(b, message(5, list)...)
}

func set(values []string) map[string]bool {
	all := map[string]bool{}
	for _, v := range values {
		all[v] = true
	}
	return all
}
