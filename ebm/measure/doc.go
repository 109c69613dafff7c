// Package measure holds the numbers that say how a model does: what a number is of and in
// which unit, how files and people read it, and measures that several packages need.
//
// Every measure has a defined answer for every input. NaN among the inputs gives NaN,
// never a number. ±Inf are ordered as numbers are. A measure of nothing, or one whose
// denominator is 0, is NaN.
package measure
