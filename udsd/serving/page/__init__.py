"""The page in the browser. What is in here needs Gradio."""
