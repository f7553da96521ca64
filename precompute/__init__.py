"""Before the show: lyrics, classes and keyframes. Its modules arrive with lyric keyframes."""
