"""vprog: run visual programs, teach the tools they call, distill them into one model."""

from vprog.errors import InputError, PictureError, ProgramError, ToolError, VprogError
from vprog.example import Example, Picture, Region, Scene, SceneObject
from vprog.tools.tool import Boxes, Image, Tool, tool

__version__ = "0.1.0"

__all__ = [
    "Boxes",
    "Example",
    "Image",
    "InputError",
    "Picture",
    "PictureError",
    "ProgramError",
    "Region",
    "Scene",
    "SceneObject",
    "Tool",
    "ToolError",
    "VprogError",
    "__version__",
    "tool",
]
