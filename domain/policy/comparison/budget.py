"""What a comparison may take: counted steps, never a clock, so that it comes out the same anywhere."""


class OutOfSteps(Exception):  # noqa: N818  an answer, no defect
    """A comparison would take more steps than it may."""


class Budget:
    """Raises OutOfSteps when more are taken than there are."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def take(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise OutOfSteps
