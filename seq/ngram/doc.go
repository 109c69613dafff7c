// Package ngram has back-off language models of words: it reads and writes them as ARPA
// files, scores with them, and trains small ones from text.
//
// A model of order N gives the probability of a word w after a history h of up to N − 1
// words. With h′ being h without its first word,
//
//	P(w | h) = p(h w)              the n-gram h w is listed
//	P(w | h) = b(h) · P(w | h′)    otherwise; b(h) = 1 where h is not listed
//
// A [Model] is a ctc.LanguageModel, as the decoder of package ctc takes it.
//
// All logarithms here are natural; those of ARPA files are to base 10.
//
// Words are strings without spaces, tabs and line ends; the other white space of Unicode may be in
// them, as it is in those of other systems' files. Every sentence starts with <s>, which is never
// predicted, and ends with </s>, which is. A word that the model does not have counts as
// <unk>.
//
// Sources: [katz1987], [chen1999].
package ngram
