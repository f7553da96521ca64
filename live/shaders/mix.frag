#version 330 core
// The last two frames, crossfaded at their own resolution. Their textures are sRGB, so what the
// sampler gives, and what is mixed here, is linear light.
uniform sampler2D before;
uniform sampler2D after;
uniform float part;
in vec2 uv;
out vec4 light;

void main() {
    light = mix(texture(before, uv), texture(after, uv), part);
}
