"""What every part of the report's data is made of: strict models, shares, counts, and figures with their intervals.

{"value": 0.41, "low": 0.38, "high": 0.44}
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Model(BaseModel):
    """A part of the report's JSON: a field that it does not have is an error."""

    model_config = ConfigDict(extra="forbid")


class Estimate(Model):
    """A figure with its interval; the interval is null where nothing could be resampled."""

    value: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None


class Contrast(Estimate):
    """A difference with its p-value, alone and corrected for the methods that its column of a table compares."""

    p: Share | None = Field(
        default=None, description="two-sided, by the interval's replicates; null where a trained method has one seed"
    )
    holm: Share | None = Field(
        default=None, description="corrected (Holm) for the methods that are held against the same reference by it"
    )


class Proportion(Model):
    """A share of n rows with its Wilson interval."""

    rate: Share
    n: Count
    low: Share
    high: Share
