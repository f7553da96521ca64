#version 330 core
uniform sampler2D panel;
in vec2 uv;
out vec4 colour;
void main() {
    colour = texture(panel, uv);
}
