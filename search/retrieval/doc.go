// Package retrieval measures embeddings by what they are for: finding samples of the same
// class ([Evaluate], [Against]), telling whether two samples belong together ([Verify]), and
// showing them ([PCA], [Layout]).
//
// Every figure is exact: each query is compared with the whole gallery. Distances are
// computed in float32 by [pair.Strips], so samples that are nearer to each other than its
// rounding may change places; equals go in order of index. Figures do not depend on the
// number of threads.
package retrieval
