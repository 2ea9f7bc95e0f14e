"""What every model is tried on: a plain paragraph, written for this, and three plain questions."""

PLAIN = (
    "The river rises in the hills north of the town and flows south through farmland before it reaches the sea. "
    "In spring, when the snow melts, the water is high, and the fields beside it are often flooded for several weeks. "
    "Most of the people who live there grow vegetables or keep sheep, and on Saturdays they sell what they have at the "
    "market in front of the old church."
)
QUESTIONS = ("What is the capital of France?", "What is 12 + 30?", "Write one sentence about the sea.")
