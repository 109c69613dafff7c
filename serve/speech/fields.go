package speech

import (
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/serve/wire"
)

// A field is a setting of a request, by its name in forms, addresses and JSON objects.
type field struct {
	name string
	to   any // *string, *int, *float64, *bool, or *[]string for one that may be given again
}

// fields are the settings that a request may have, and which it has.
type fields struct {
	known   []field
	present map[string]bool
	void    map[string]string // fields of others' that have no effect here, and why
}

// list is the field's texts; nil where it is given once.
func (f field) list() *[]string {
	l, _ := f.to.(*[]string)
	return l
}

// reader takes the field as JSON.
func (f field) reader(most int) wire.Reader {
	switch to := f.to.(type) {
	case *string:
		return wire.Text(to)
	case *int:
		return wire.Integer(to)
	case *float64:
		return wire.Number(to)
	case *bool:
		return wire.Boolean(to)
	}
	return wire.Texts(f.list(), most)
}

// set takes the field as a text.
func (f field) set(text string) (err error) {
	must := ""
	switch to := f.to.(type) {
	case *string:
		*to = text
	case *int:
		*to, err = strconv.Atoi(text)
		must = "a whole number"
	case *float64:
		*to, err = strconv.ParseFloat(text, 64)
		must = "a number"
	case *bool:
		*to, err = strconv.ParseBool(text)
		must = "true or false"
	case *[]string:
		*to = append(*to, text)
	}
	if err != nil {
		return wire.Malformed(f.name, "%s is %q; it must be %s", f.name, excerpt.Of(text), must)
	}
	return nil
}

// add takes a field of a form or an address. A list's name may end in [], as OpenAI's clients write it.
func (f *fields) add(name, text string, most int) error {
	if !utf8.ValidString(text) {
		return wire.Malformed(strings.ToValidUTF8(name, "?"), "%s is not UTF-8", excerpt.Of(name))
	}
	plain := strings.TrimSuffix(name, "[]")
	if why, ok := f.void[plain]; ok {
		return wire.Invalid(plain, "%s has no effect: %s", plain, why)
	}
	i := slices.IndexFunc(f.known, func(k field) bool { return k.name == name || k.name == plain && k.list() != nil })
	if i < 0 {
		var names []string
		for _, k := range f.known {
			names = append(names, k.name)
		}
		return wire.Malformed(strings.ToValidUTF8(excerpt.Of(name), "?"), "there is no field %q; there are %s", excerpt.Of(name), strings.Join(names, ", "))
	}
	k := f.known[i]
	switch l := k.list(); {
	case l == nil && f.present[k.name]:
		return wire.Malformed(k.name, "%s is given twice", k.name)
	case l != nil && len(*l) == most:
		return wire.Invalid(k.name, "%s is given more than %d times", k.name, most)
	}
	f.mark(k.name)
	return k.set(text)
}

func (f *fields) mark(name string) {
	if f.present == nil {
		f.present = map[string]bool{}
	}
	f.present[name] = true
}

// object takes fields as a JSON object.
func (f *fields) object(text []byte, most int) error {
	known := map[string]wire.Reader{}
	for _, k := range f.known {
		known[k.name] = func(place string, text []byte) error {
			f.mark(k.name)
			return k.reader(most)(place, text)
		}
	}
	return wire.Decode(text, wire.Object(known))
}

// A needed is a field that counts only beside others.
type needed struct {
	name string
	ok   bool
	why  string
}

// refuseVoid refuses fields that have no effect beside the others.
func (f *fields) refuseVoid(all ...needed) error {
	for _, n := range all {
		if f.present[n.name] && !n.ok {
			return wire.Invalid(n.name, "%s has no effect: %s", n.name, n.why)
		}
	}
	return nil
}

// A file is what a form has as "file".
type file struct {
	name    string
	content []byte
}

// maxFields bounds the parts of a form, besides its lists.
const maxFields = 64

// form reads a request's form; lists have most elements.
func (f *fields) form(r *http.Request, most int) (one file, err error) {
	if len(r.URL.RawQuery) > 0 {
		return one, wire.Malformed("", "a form has all in its body; there are parameters in the address")
	}
	have := false
	err = wire.Form(r, maxFields+most, func(p *multipart.Part, content []byte) error {
		if p.FormName() != "file" {
			return f.add(p.FormName(), string(content), most)
		}
		if have {
			return wire.Malformed("file", "the form has more than one file")
		}
		have, one = true, file{strings.ToValidUTF8(p.FileName(), "?"), content}
		return nil
	})
	if err == nil && !have {
		err = wire.Malformed("file", "the form has no file")
	}
	return one, err
}
