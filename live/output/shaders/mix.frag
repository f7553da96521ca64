#version 330 core
// The last two frames, crossfaded at their own resolution. Their textures are sRGB, so what the
// sampler gives, and what is mixed here, is linear light.
uniform sampler2D before;
uniform sampler2D after;
uniform float part;
in vec2 uv;
out vec4 light;

void main() {
    vec2 place = vec2(uv.x, 1.0 - uv.y);  // a texture's first row is the picture's top
    light = mix(texture(before, place), texture(after, place), part);
}
