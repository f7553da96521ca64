"""BigGAN-deep (Brock, Donahue, Simonyan, 2018) from published weights, at stage speed."""
