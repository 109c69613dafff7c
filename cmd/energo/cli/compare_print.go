package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"text/tabwriter"

	"charm.land/lipgloss/v2/table"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/spf13/cobra"
)

// measured is a line of compare.json, as far as it is printed.
type measured struct {
	Functional string `json:"functional"`
	Model      string `json:"model"`
	Energy     string `json:"energy"`
	Margin     string `json:"margin"`
	Theory     string `json:"theory"`
	Seeds      int    `json:"seeds"`
	Failed     int    `json:"failed"`
	Collapsed  int    `json:"collapsed"`
	Error      mean   `json:"test_error"`
	GapP05     mean   `json:"gap_p05"`
	GapP50     mean   `json:"gap_p50"`
	Kept       mean   `json:"kept"`
}

// mean is a figure's mean with its standard deviation over seeds; NaN where there is none.
type mean struct {
	measure.Quantity
	Mean measure.Number `json:"mean"`
	SD   measure.Number `json:"sd"`
}

func (m mean) text() string {
	if !measure.Finite(float64(m.Mean)) {
		return "–"
	}
	return m.Unit.PlusMinus(float64(m.Mean), float64(m.SD))
}

// mean is without the deviation.
func (m mean) mean() string {
	m.SD = measure.Number(math.NaN())
	return m.text()
}

var compareHeader = []string{"FUNCTIONAL", "MODEL", "ENERGY", "MARGIN", "TEST ERROR", "GAP P05", "GAP P50", "MARGIN KEPT", "COLLAPSED", "THEORY"}

func (m measured) row() []string {
	collapsed := "no"
	switch {
	case m.Failed == m.Seeds:
		collapsed = "diverged"
	case m.Collapsed > 0:
		collapsed = fmt.Sprintf("yes, %d of %d", m.Collapsed, m.Seeds)
	}
	return []string{m.Functional, m.Model, m.Energy, m.Margin, m.Error.text(), m.GapP05.mean(), m.GapP50.mean(), m.Kept.text(), collapsed, m.Theory}
}

// print shows the table that report.Compare has written into the folder.
func (c *comparison) print(cmd *cobra.Command) error {
	text, err := os.ReadFile(filepath.Join(c.dir, "compare.json"))
	if err != nil {
		return err
	}
	var lines []measured
	if err := json.Unmarshal(text, &lines); err != nil {
		return fmt.Errorf("compare.json: %w", err)
	}
	out := messages(cmd, c.csv)
	if err := printTable(out, lines); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe page is %s; the runs are beside it.\n", shown(filepath.Join(c.dir, "compare.html")))
	if c.csv != "" {
		table, err := os.ReadFile(filepath.Join(c.dir, "compare.csv"))
		if err != nil {
			return err
		}
		if err := wholefile.Write(c.csv, table); err != nil {
			return err
		}
	}
	return printJSON(cmd.OutOrStdout(), map[string]any{"run": c.dir, "cells": json.RawMessage(text)}, c.asJSON)
}

func printTable(out io.Writer, lines []measured) error {
	if terminal(out) {
		t := table.New().Headers(compareHeader...)
		for _, l := range lines {
			t.Row(l.row()...)
		}
		_, err := fmt.Fprintln(out, t.Render())
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{compareHeader}, rows(lines)...) {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func rows(lines []measured) (all [][]string) {
	for _, l := range lines {
		all = append(all, l.row())
	}
	return all
}
