// Command write writes the licences of the modules that the energo command links, and of the libraries of its pages, on any of
// the systems that it is built for.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const command = "github.com/energo-ml/energo/cmd/energo"

// systems are those whose modules are gathered; on one of them the command links a part of these.
var systems = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"}

func main() {
	out := flag.String("out", "", "`file` to write")
	flag.Parse()
	text, err := gather()
	if err == nil {
		err = os.WriteFile(*out, text, 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "write:", err)
		os.Exit(1)
	}
}

// A module is a part of the command, with the folder of its source.
type module struct{ name, dir string }

func gather() ([]byte, error) {
	all, err := modules()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	text.WriteString("The energo command holds code of these modules, under the licences below.\n\n")
	for _, m := range all {
		fmt.Fprintf(&text, "  %s\n", m.name)
	}
	for _, m := range all {
		files, err := licences(m.dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		for _, f := range files {
			licence, err := os.ReadFile(filepath.Join(m.dir, f))
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&text, "\n%s\n%s, %s\n\n%s\n", strings.Repeat("-", 80), m.name, filepath.ToSlash(f), plain(licence))
		}
	}
	return text.Bytes(), nil
}

// plain is a text without its outer blank lines, those at the ends of lines, and carriage returns.
func plain(text []byte) string {
	lines := strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r\f")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// modules returns what the command links on the systems, Go's standard library first.
func modules() ([]module, error) {
	root, err := run("", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	linked := map[string]module{}
	for _, system := range systems {
		lines, err := run(system, "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", command)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(lines) {
			if name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
				linked[name] = module{name, dir}
			}
		}
	}
	all := make([]module, 0, 1+len(linked))
	for _, m := range linked {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.name, b.name) })
	page, err := pageLibraries()
	if err != nil {
		return nil, err
	}
	all = append(all, page...)
	return slices.Insert(all, 0, module{"Go's standard library", strings.TrimSpace(root)}), nil
}

// pageLibraries are those of the studio's page, which lib/build.mjs bundles: it keeps the licence of each in a folder NAME@VERSION.
func pageLibraries() ([]module, error) {
	studio, err := run("", "list", "-f", "{{.Dir}}", "github.com/energo-ml/energo/serve/studio")
	if err != nil {
		return nil, err
	}
	dirs, err := filepath.Glob(filepath.Join(strings.TrimSpace(studio), "lib", "licences", "*"))
	var all []module
	for _, dir := range dirs {
		all = append(all, module{"npm: " + strings.Replace(filepath.Base(dir), "@", " v", 1), dir})
	}
	return all, err
}

// run returns what the go command says for a system, this one if that is "".
func run(system string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if name, arch, ok := strings.Cut(system, "/"); ok {
		cmd.Env = append(cmd.Env, "GOOS="+name, "GOARCH="+arch)
	}
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("go %s: %w: %s", args[0], err, exit.Stderr)
	}
	return string(out), err
}

var isLicence = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|notice|patents|third_party)`)

// licences returns the files of a folder that are a licence or a notice, and those in folders of such names. There must be one.
func licences(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !isLicence.MatchString(e.Name()) {
			continue
		}
		err := filepath.WalkDir(filepath.Join(dir, e.Name()), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			file, err := filepath.Rel(dir, path)
			files = append(files, file)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no licence", dir)
	}
	return files, nil
}
