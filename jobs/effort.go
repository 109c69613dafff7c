package jobs

// What measuring a finished run takes, and an epoch of drawn points. Tests take less, where what they test does not depend on it.
var (
	judged        = 500  // pictures that generate draws to measure, from noise and of its chains
	inpainted     = 200  // … and fills in
	freshSteps    = 300  // Langevin steps that turn noise into a picture
	annealSmall   = 1000 // chains of rbm's annealing where each costs little
	settleSweeps  = 1000 // of rbm from training's chains to draws
	fromNoiseRuns = 2000 // … from noise to a picture
	heldStrips    = 500  // that strips is evaluated on
	toySteps      = 50   // of an epoch of toy2d
	toyFine       = 300  // nodes a side of what toy2d measures
	toyDraws      = 2000 // … and draws of each, for the discrepancy
)
