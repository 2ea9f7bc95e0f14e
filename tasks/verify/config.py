"""Settings of verification: how answers are compared, and whether the reasoning is judged."""

from pydantic import Field

from tasks.verify.answers.config import ComparisonConfig


class VerifyConfig(ComparisonConfig):
    """v_ans · v_rea (section 3.4.1)."""

    reasoning: bool = Field(
        default=True, description="Ask the judge about the reasoning of candidates whose answer is correct (v_rea)."
    )
