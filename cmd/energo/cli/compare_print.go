package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"charm.land/lipgloss/v2/table"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

var compareHeader = []string{"FUNCTIONAL", "MODEL", "ENERGY", "MARGIN", "TEST ERROR", "GAP P05", "GAP P50", "MARGIN KEPT", "COLLAPSED", "THEORY"}

// compareRow is a line of the table.
func compareRow(s report.Summary) []string {
	collapsed := "no"
	switch {
	case s.Failed == s.Seeds:
		collapsed = "diverged"
	case s.Collapsed > 0:
		collapsed = fmt.Sprintf("yes, %d of %d", s.Collapsed, s.Seeds)
	}
	return []string{s.Functional, s.Model, s.Energy, s.Margin, s.Error.Text(), s.GapP05.MeanText(), s.GapP50.MeanText(), s.Kept.Text(), collapsed, s.Theory}
}

// print shows the table that report.Compare has written into the folder.
func (c *comparison) print(cmd *cobra.Command, cells []report.Summary) error {
	out := messages(cmd, c.csv)
	if err := printTable(out, cells); err != nil {
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
	return printJSON(cmd.OutOrStdout(), map[string]any{"run": c.dir, "cells": cells}, c.asJSON)
}

func printTable(out io.Writer, cells []report.Summary) error {
	if terminal(out) {
		t := table.New().Headers(compareHeader...)
		for _, s := range cells {
			t.Row(compareRow(s)...)
		}
		_, err := fmt.Fprintln(out, t.Render())
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(compareHeader, "\t"))
	for _, s := range cells {
		fmt.Fprintln(w, strings.Join(compareRow(s), "\t"))
	}
	return w.Flush()
}
