"""What people who know the music say: their grades as data, how far they agree, and where the logs say otherwise."""
