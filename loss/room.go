package loss

// room returns n elements in s's memory, if that is enough. What they hold is of no account.
func room[E any](s []E, n int) []E {
	if cap(s) < n {
		return make([]E, n)
	}
	return s[:n]
}
