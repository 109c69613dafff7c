// Package text takes transcripts as people write them to what a model's tokens spell, and back: "Dr. Smith's 3 €" is spelled
// "doctor smith's three euros" to be aligned, and the times are those of the transcript's own words.
//
// A [Normaliser] makes Words of a text, each with its spelling; [Spelling] joins these for the aligner, and [Times] gives the
// words the times of the tokens that spell them. Numbers, ordinals, years, amounts, times of day and signs are read in
// English, German, French and Spanish. Without an alphabet it makes texts alike that are to be compared.
package text
