"""The pages of the app, widgets only. Streamlit runs each file as a script."""
